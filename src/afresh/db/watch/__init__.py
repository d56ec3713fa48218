"""Foreign writes: what other programs change in the database is announced as if it had been captured.

from afresh.db.watch import Watcher

with Watcher("postgresql://localhost/shop", cache):
    ...
"""

from afresh.db.watch.slot import Slot, SlotState, Taken
from afresh.db.watch.status import Status
from afresh.db.watch.versions import Versions, VersionTable
from afresh.db.watch.watcher import Watcher

__all__ = ["Slot", "SlotState", "Status", "Taken", "VersionTable", "Versions", "Watcher"]
