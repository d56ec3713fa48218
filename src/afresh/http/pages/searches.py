"""What the answers of a path have said about the parameters of its query (`No-Vary-Search`)."""

from __future__ import annotations

from afresh.rfc import NoVarySearch, Request, Stored, no_vary_search

_MOST = 10_000


class Searches:
    """By host and path, in this process: the others find out by an answer of their own."""

    __slots__ = ("_by_path",)

    def __init__(self) -> None:
        self._by_path: dict[tuple[bytes, bytes], NoVarySearch] = {}

    def of(self, request: Request) -> NoVarySearch | None:
        """What was said last."""
        return self._by_path.get((request.authority, request.path)) if self._by_path else None

    def learn(self, request: Request, stored: Stored) -> None:
        """An answer is stored: what it says counts from now on."""
        key, said = (request.authority, request.path), no_vary_search(stored.head.fields)
        if said is None:
            self._by_path.pop(key, None)
            return
        self._by_path[key] = said
        while len(self._by_path) > _MOST:
            self._by_path.pop(next(iter(self._by_path)), None)
