"""The short way of a hit in memory: one plain function between the server and the answer.

The whole way of a request (`flow`) asks the rules about everything that can be. Most requests that
a cache answers are plain: a GET without conditions, ranges, directives or credentials, for a page
that was served before and is still fresh. For those the rules have only one answer, so the way from
a request as it came to the place of its page is remembered, and what stays to be asked is what may
have changed: whether the page is still there, fresh, and current.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple, TypeAlias

from afresh.codecs import register
from afresh.core.entry import Entry
from afresh.core.events import Event, Kind
from afresh.http.answers.adjusting import outward
from afresh.http.pages.page import Guide, Page
from afresh.http.pages.places import Pages
from afresh.http.requests.reading import of_the_visitor
from afresh.rfc import cache_status
from afresh.rfc.answering import SPECIAL
from afresh.rfc.keys import REDIRECTING

Headers: TypeAlias = list[tuple[bytes, bytes]]

_CREDENTIALS = frozenset([b"authorization", b"cookie"])
_SELECTING = frozenset([b"if-modified-since", b"if-none-match", b"if-range", b"range"])
_PLACING = REDIRECTING | {b"host"}
_MATTERS = SPECIAL | _SELECTING | _PLACING
_MOST = 10_000  # requests whose place is known
_MOST_VARIANTS = 100  # of one of them


class Place(NamedTuple):
    """Where the pages for one spelling of a URL are.

    Attributes:
        names: What tells them apart, and
        indexes: where each is, by the values of those.
    """

    names: tuple[bytes, ...]
    indexes: dict[Hashable, Hashable]


Places: TypeAlias = dict[Hashable, Place]
"""By path, query, fields that are a part of each key, and scheme, as they came."""


class Ready(NamedTuple):
    """What a hit sends within one second.

    Attributes:
        begins: When `Age` became what it says, in seconds since 1970, and
        ends: until when it is right.
        status: The status.
        headers: The fields; copy them, since who comes next may change them.
        body: The content.
        credentials: Requests that say who sends them may have it too.
        key: Of the page.
    """

    begins: float
    ends: float
    status: int
    headers: Headers
    body: bytes
    credentials: bool
    key: str


def _none(_: Any) -> Any:
    return None


# A page is served from memory before it is in the store: what its first hit puts together isn't stored with it.
register(Ready, _none, _none)


class Quick:
    """Hits of one middleware.

    Attributes:
        doing: The places of pages with something to be done for each hit first, where there are any.
    """

    __slots__ = (
        "_begin", "_clock", "_engine", "_name", "_pages", "_places", "_position", "_space", "_status", "_words",
        "doing",
    )  # fmt: skip

    def __init__(self, pages: Pages) -> None:
        engine = self._engine = pages.engine
        self._clock, self._position = engine.gate.clock_cell, engine.gate.position_cell
        self._words, self._begin = engine.backend.words, engine.backend.begin
        self._pages = pages
        self._space = pages.site.space
        self._status = pages.options.status
        self._name = pages.options.rules.name
        self._places: Places = {}
        self.doing: Places = {}

    def find(
        self,
        method: str,
        scheme: str,
        path: bytes,
        query: bytes,
        headers: Iterable[tuple[bytes, bytes]],
        places: Places | None = None,
    ) -> Ready | None:
        """What a hit sends; `None` where it takes more to answer.

        Args:
            method: As it came.
            scheme: As it came.
            path: The raw path.
            query: The raw query.
            headers: Names in lower case, and values.
            places: `doing`, for a page with something to be done first.
        """
        if method != "GET":
            return None
        where: tuple[bytes, ...] = ()
        says_who = False
        for name, value in headers:
            if name in _MATTERS:
                if name in _PLACING:
                    where += (name, value)
                elif name in _CREDENTIALS:
                    says_who = True
                else:
                    return None
        place = (self._places if places is None else places).get((path, query, where, scheme))
        if place is None:
            return None
        index = place.indexes.get(_values(place.names, headers) if place.names else None)
        entry = None if index is None else self._space.get(index)
        return None if entry is None else self._served(entry, says_who)

    def _served(self, entry: Entry, says_who: bool) -> Ready | None:
        """What a hit sends, if the page is fresh and current."""
        engine, words, checked = self._engine, self._words, entry.checked_at
        now = self._clock.cell_contents
        # The comparison of every hit, as in the wrapper of a cached function: 0.1 µs, where `recall` takes 0.9.
        current = (
            self._position.cell_contents is checked
            if words is None
            else words.cell_contents[self._begin] == checked
        )
        if current and now < entry.fresh_until:
            entry.hits += 1
        elif engine.recall(entry):
            now = engine.now()
        else:
            return None
        # Since it was learned, another page may have come to this place: each says for itself who may have it.
        ready: Ready | None = entry.value.ready
        if ready is None or not ready.begins <= now < ready.ends:
            ready = self._prepare(entry, now)
        if ready is None or (says_who and not ready.credentials):
            return None
        if engine.events:
            engine.events.emit(Event(Kind.HIT, "l1", entry.facts.key))
        return ready

    def learn(
        self,
        scheme: str,
        path: bytes,
        query: bytes,
        headers: Iterable[tuple[bytes, bytes]],
        entry: Entry,
        *,
        doing: bool = False,
    ) -> None:
        """A request was answered with a page: the next one like it needs no thought; it may need something done."""
        places = self.doing if doing else self._places
        page: Page = entry.value
        names = _telling(page)
        if names is None or page.stored.validate or not _SELECTING.isdisjoint(names):
            return
        where: tuple[bytes, ...] = ()
        for pair in headers:
            if pair[0] in _PLACING:
                where += (pair[0], pair[1])
        raw = (path, query, where, scheme)
        place = places.get(raw)
        if place is None or place.names != names or len(place.indexes) >= _MOST_VARIANTS:
            if len(places) >= _MOST:
                places.clear()
            place = places[raw] = Place(names, {})
        place.indexes[_values(names, headers) if names else None] = entry.index

    def _prepare(self, entry: Entry, now: float) -> Ready | None:
        """Put together what hits send within this second; `None`: it takes more than that."""
        page: Page | Guide = entry.value
        if not isinstance(page, Page) or page.holes or page.effects or page.stored.validate:
            return None
        if _telling(page) is None:
            return None
        age = page.stored.age(now)
        second = int(age)
        begins = now - (age - second)
        fields = outward(page.stored.head.fields, page.stored.vary, page.reads)
        headers = [pair for pair in fields if page.dated or pair[0] != b"date"]
        headers.append((b"age", b"%d" % second))
        if self._status:
            status = cache_status(self._name, hit=True, ttl=page.stored.lifetime - age)
            old = [value for name, value in headers if name == b"cache-status"]
            headers = [pair for pair in headers if pair[0] != b"cache-status"]
            headers.append((b"cache-status", b", ".join([*old, status])))
        # Two that are sent to the same person may differ in what was stored since for others.
        credentials = page.stored.open or set(page.stored.vary) >= _CREDENTIALS or self._by_reads()
        ready = page.ready = Ready(
            begins, begins + 1.0, page.stored.head.status, headers, page.body, credentials, entry.facts.key
        )
        return ready

    def _by_reads(self) -> bool:
        """What is read of a request is seen: credentials that made no difference are none."""
        rules = self._pages.options.rules
        return rules.cookies and rules.authorization


def _telling(page: Page) -> tuple[bytes, ...] | None:
    """The fields that tell a page from others of its URL; `None` where something else does, too.

    A page that depends on one cookie is found by all of them, as they came: who sends the same again
    has the same in that one. How the query is spelled is in each place.
    """
    reads = of_the_visitor(page.reads)
    if not all(read.startswith("cookie:") for read in reads):
        return None
    names: tuple[bytes, ...] = page.stored.vary
    return names if not reads or b"cookie" in names else (*names, b"cookie")


def _values(names: tuple[bytes, ...], headers: Iterable[tuple[bytes, bytes]]) -> Hashable:
    """The request's values of these fields, as they came."""
    return tuple([tuple([value for name, value in headers if name == each]) for each in names])
