"""What a server missed while it could not be reached: it has to forget that before it is read again.

A value that a caller put carries no tag of its key. If it was overwritten or deleted while its server
was away, nothing tells a reader that it is old. The caller is told, by an error; and this process
deletes the key before it reads anything else there. Another process may read the old value in the
moment between: whoever can't have that retries what failed.
"""

from __future__ import annotations

import threading
from typing import Final

from afresh.runtime.fork import on_fork

MOST: Final = 1000
"""Keys that are remembered for one server; beyond that everything that was put there is cleared."""


class Owed:
    """Keys and prefixes, by server. Thread-safe.

    Attributes:
        any: There are some. Every hit looks at it.
    """

    def __init__(self) -> None:
        self.after_fork()
        on_fork(self)

    def after_fork(self) -> None:
        """The lock may have been held; and what a parent owes, the parent delivers."""
        self._lock = threading.Lock()
        self._keys: dict[int, set[bytes]] = {}
        self._prefixes: dict[int, set[bytes]] = {}
        self.any = False

    def __bool__(self) -> bool:
        return self.any

    def __len__(self) -> int:
        return sum(map(len, [*self._keys.values(), *self._prefixes.values()]))

    def servers(self) -> list[int]:
        """Who missed something."""
        with self._lock:
            return sorted({*self._keys, *self._prefixes})

    def key(self, server: int, key: bytes) -> None:
        """A key's value there may be old."""
        with self._lock:
            self.any = True
            keys = self._keys.setdefault(server, set())
            keys.add(key)
            if len(keys) > MOST:
                del self._keys[server]
                self._prefixes.setdefault(server, set()).add(b"")

    def prefix(self, server: int, prefix: bytes) -> None:
        """Whatever begins so may be old."""
        with self._lock:
            self.any = True
            self._prefixes.setdefault(server, set()).add(prefix)

    def of(self, server: int) -> tuple[frozenset[bytes], frozenset[bytes]]:
        """Keys and prefixes that a server missed."""
        with self._lock:
            return frozenset(self._keys.get(server, ())), frozenset(self._prefixes.get(server, ()))

    def paid(self, server: int, keys: frozenset[bytes], prefixes: frozenset[bytes]) -> None:
        """The server has forgotten these."""
        with self._lock:
            for owed, done in ((self._keys, keys), (self._prefixes, prefixes)):
                left = owed.get(server, set()) - done
                if left:
                    owed[server] = left
                else:
                    owed.pop(server, None)
            self.any = bool(self._keys or self._prefixes)
