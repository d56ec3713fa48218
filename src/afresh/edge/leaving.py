"""One answer on its way out: what its head says to outer caches, and whether that is still right at its end."""

from __future__ import annotations

from afresh.core.tags import hashed
from afresh.edge.outward import Outward
from afresh.engine.asking.scope import Scope
from afresh.http.pages.places import names_of
from afresh.rfc import Fields, Request, Settings

_RULES = Settings()
Pairs = list[tuple[bytes, bytes]]


class Leaving:
    """One answer.

    Args:
        outward: Makes the fields.
        collected: What is read while it is made.
        request: What it answers.
    """

    def __init__(self, outward: Outward, collected: Scope, request: Request) -> None:
        self._outward = outward
        self._collected = collected
        self._request = request
        self._url = url_of(request)
        self._stamp = outward.ledger.position()
        self._named: frozenset[int] = frozenset()  # tags of the page by itself
        self._told: frozenset[int] | None = None  # the tags that the head named, and
        self._until = 0.0  # how long it lets the page live

    def head(self, status: int, given: Pairs) -> Pairs:
        """The fields of the head, as they are sent."""
        # An unsafe request that afresh sees drops this page behind the edge, so it has to at the edge as well.
        self._named = frozenset(map(hashed, names_of(self._request, Fields.of(given), _RULES)))
        tags, until = self._tags(), self._collected.until
        stamp = min(self._stamp, self._collected.stamp)
        if self._collected.unsure or not self._outward.current(tags, stamp):
            return self._outward.changed(given)
        fields = self._outward.fields(self._url, status, given, tags, stamp, until)
        if any(name == b"surrogate-key" for name, _ in fields):
            self._told, self._until = tags, until
        return fields

    def keepable(self) -> bool:
        """Whether outer caches may keep it."""
        return self._told is not None

    async def end(self) -> None:
        """Its last byte is about to be sent. If the head is not right any more, the page is announced."""
        if self._told is not None and not self._as_told(self._told):
            await self._outward.overtaken(self._url)

    def _as_told(self, told: frozenset[int]) -> bool:
        tags = self._tags()
        return (
            tags <= told
            and not self._collected.unsure
            and self._collected.until >= self._until
            and self._outward.current(tags, self._stamp)
        )

    def _tags(self) -> frozenset[int]:
        return self._collected.tags | self._named


def url_of(request: Request) -> str:
    """The URL that outer caches know a request by."""
    query = b"?" + request.query if request.query else b""
    return f"{request.scheme}://{(request.authority + request.path + query).decode('latin-1')}"
