"""URLs that are alike: where nobody could share several of them, nobody waits for the next one.

Of a URL that is asked for the first time nothing is known, so those who ask together wait for one of
them, in vain if its answer is nobody else's: twice the time for all but one. But URLs come in
families, `/account/…`, `/cart/7/…`, and what holds for three of one will hold for the fourth. As soon
as one of them is stored, it doesn't.
"""

from __future__ import annotations

from collections.abc import Callable

from afresh.http.requests.asked import Asked

_ALIKE = 3  # so many URLs make it likely
_MOST = 10_000
_NOTHING: tuple[tuple[str, ...], float] = ((), 0.0)


def family_of(asked: Asked) -> str:
    """What a request's URL has in common with others: its path, but for the last part and for numbers."""
    request = asked.request
    parts = request.path.decode("latin-1").rstrip("/").split("/")
    named = [("*" if any(map(str.isdigit, part)) else part) for part in parts[:-1]]
    return asked.passing(f"{request.method} {request.authority.decode('latin-1')}{'/'.join(named)}/*")


class Families:
    """What is known of each, for some seconds.

    Args:
        lasts: So many.
        now: Seconds since 1970.
    """

    __slots__ = ("_lasts", "_now", "_refused")

    def __init__(self, lasts: float, now: Callable[[], float]) -> None:
        self._lasts = lasts
        self._now = now
        self._refused: dict[str, tuple[tuple[str, ...], float]] = {}

    def __contains__(self, family: str) -> bool:
        urls, until = self._refused.get(family, _NOTHING)
        return len(urls) >= _ALIKE and self._now() < until

    def refused(self, family: str, key: str) -> None:
        """Nobody could share the answer of one of its URLs."""
        urls, _ = self._refused.pop(family, _NOTHING)  # the oldest come first
        latest = (*[each for each in urls if each != key], key)[-_ALIKE:]
        self._refused[family] = latest, self._now() + self._lasts
        while len(self._refused) > _MOST:
            self._refused.pop(next(iter(self._refused)), None)

    def kept(self, family: str) -> None:
        """One of its URLs was stored: of the others nothing is known."""
        self._refused.pop(family, None)
