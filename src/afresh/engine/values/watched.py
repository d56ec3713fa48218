"""Keys set by hand that something may have been made from."""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 100_000  # beyond so many, every key is taken to be watched


class Watched:
    """Which writes of keys have to be marked.

    With a ledger in this process's memory nobody else can have made anything from a value, so the
    write of a key that nobody watches needs no number, and all other hits stay quick. Anywhere else
    every write is marked.
    """

    __slots__ = ("_alone", "_names")

    def __init__(self, *, alone: bool) -> None:
        self._alone = alone
        self._names: set[str] = set()

    def add(self, name: str) -> None:
        """To be called *before* the value is read: a write that misses the name is seen by the read."""
        if self._alone and len(self._names) < _MOST:
            self._names.add(name)

    def add_keys(self, names: Iterable[str]) -> None:
        """`add` for the keys among the names of tags that something says it depends on."""
        for name in names:
            if name.startswith("key:"):
                self.add(name)

    def among(self, names: list[str]) -> list[str]:
        """Those of `names` that a write has to mark. To be called *after* the write."""
        if not self._alone or len(self._names) >= _MOST:
            return names
        return [name for name in names if name in self._names]
