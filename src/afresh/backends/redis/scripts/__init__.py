"""Lua that runs on the server, one file for each act.

A server runs one script at a time, so each act is atomic. The acts on the ledger begin with the
text of `ledger.lua`, which makes sure that the ledger is the one it was.
"""

from __future__ import annotations

from hashlib import sha1
from importlib.resources import files

from afresh.backends.redis.client import Script


def _script(*names: str, safe: bool = False) -> Script:
    folder = files(__name__)
    source = "\n".join(folder.joinpath(f"{name}.lua").read_text("utf-8") for name in names)
    return Script(source, sha1(source.encode(), usedforsecurity=False).hexdigest(), safe)


LOAD = _script("ledger", "load", safe=True)
APPEND = _script("ledger", "append", safe=True)
READ = _script("ledger", "read", safe=True)
CONFIRM = _script("ledger", "confirm", safe=True)

FILL = _script("fill", safe=True)
SWAP = _script("swap")

TAKE = _script("take", safe=True)
RENEW = _script("renew", safe=True)
RELEASE = _script("release", safe=True)
