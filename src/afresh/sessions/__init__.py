"""Server-side sessions in a place of their own: filling, flooding or clearing the cache logs nobody out.

::

    sessions = Sessions("redis://localhost/0", ttl="14d", secret=SECRET)

    sid = sessions.create(b"…")           # what the visitor's cookie holds
    sessions.load(sid)                    # None once it was deleted or is over, on every worker at once
    sessions.save(sid, b"…")              # False: somebody has logged out meanwhile
    sessions.delete(sid)

No process keeps a copy. A session lies under a keyed digest of its id: who reads the store can't
take over a session. The glue for frameworks is beside: `afresh.sessions.starlette`, `afresh.flask`.
"""

from afresh.sessions.face import Sessions
from afresh.sessions.records import Stored

__all__ = ["Sessions", "Stored"]
