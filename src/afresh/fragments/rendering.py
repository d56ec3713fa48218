"""The fragments of one page while it is rendered: those that it had the last time are fetched together.

A template finds out one after another which fragments it needs, and asking a server for each would be
as many round trips. So each process remembers what the last renderings of a page used, and at the first
fragment that isn't in memory asks for all of them at once. What a fragment is made of is remembered in
the same way: where one has to be made anew, those within it are one round trip more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from typing import NamedTuple

from afresh.core.ports import UNASKED, Unasked
from afresh.engine.engine import Engine
from afresh.engine.site import Call, Site
from afresh.errors import BackendError
from afresh.fragments.kept import Guide
from afresh.http.pages.page import ANY, Spec
from afresh.http.requests.asked import UNKNOWN
from afresh.http.requests.visit import visiting

_PAGES = 2_000  # pages that are remembered in one process, each with
_FRAGMENTS = 500  # so many of its fragments
_FORGOTTEN = 2  # renderings after which a fragment that wasn't used is


class Item(NamedTuple):
    """A fragment that was used.

    Attributes:
        site: Where it is kept, and
        key: under which key, before what it read of the request.
        spec: What that was, as headers and other reads.
        address: The page's, where that is in the key.
    """

    site: Site
    key: str
    spec: Spec | None = None
    address: str = ""


class Used:
    """What the last renderings of one page used."""

    __slots__ = ("_items", "_number")

    def __init__(self) -> None:
        self._items: dict[Item, int] = {}
        self._number = 0

    def begin(self) -> list[Item]:
        """A rendering begins; gives what it will most likely use."""
        self._number += 1
        oldest = self._number - _FORGOTTEN
        for item, number in list(self._items.items()):
            if number < oldest:
                self._items.pop(item, None)
        return list(self._items)

    def add(self, item: Item) -> None:
        """A rendering uses one."""
        if item in self._items or len(self._items) < _FRAGMENTS:
            self._items[item] = self._number


class Memory:
    """What pages used of one cache: of those that were rendered last, in this process."""

    __slots__ = ("_engine", "_pages", "_secret")

    def __init__(self, engine: Engine, secret: bytes) -> None:
        self._engine = engine
        self._secret = secret
        self._pages: dict[str, Used] = {}

    def batch(self, page: str) -> Batch:
        """A rendering of a page begins."""
        used = self._pages.pop(page, None) or Used()
        self._pages[page] = used  # the oldest come first
        while len(self._pages) > _PAGES:
            self._pages.pop(next(iter(self._pages)), None)
        return Batch(self._engine, self._secret, used)


class Rendering:
    """One rendering of a page, or of a fragment.

    Args:
        page: What tells pages with other fragments apart: the template, and perhaps the path.
    """

    __slots__ = ("_batches", "_page")

    def __init__(self, page: str) -> None:
        self._page = page
        self._batches: dict[int, Batch] = {}

    def batch(self, memory: Memory) -> Batch:
        """What it uses of one cache."""
        batch = self._batches.get(id(memory))
        if batch is None:
            batch = self._batches[id(memory)] = memory.batch(self._page)
        return batch


class Batch:
    """The fragments of one rendering that are in one cache."""

    __slots__ = ("_engine", "_expected", "_fetched", "_secret", "_used")

    def __init__(self, engine: Engine, secret: bytes, used: Used) -> None:
        self._engine = engine
        self._secret = secret
        self._used = used
        self._expected: list[Item] | None = used.begin()
        self._fetched: dict[str, bytes | None] = {}

    def uses(self, site: Site, key: str, guide: Guide | None = None, address: str | None = None) -> None:
        """A fragment is used."""
        if guide is None:
            self._used.add(Item(site, key))
        else:
            self._used.add(Item(site, key, guide.spec, (address or "") if guide.address else ""))

    async def asked(self, call: Call) -> bytes | Unasked | None:
        """What the store has for a call, if that is known here; see `look`."""
        engine = self._engine
        if engine.store is None:
            return UNASKED
        if self._expected is not None:
            expected, self._expected = self._expected, None
            await self._fetch(expected)
        return self._fetched.pop(engine.stored_key(call.site, call.key), UNASKED)

    async def _fetch(self, expected: list[Item]) -> None:
        """Ask for all that isn't in this process's memory, at once."""
        engine = self._engine
        assert engine.store is not None
        keys = [key for item in expected if (key := self._key(item)) is not None]
        if len(keys) < 2 or not engine.serves():
            return
        try:
            found = await engine.store.get_many(keys)
        except BackendError as error:
            engine.bypassed("", error)
            return
        self._fetched = {key: found.get(key) for key in keys}

    def _key(self, item: Item) -> str | None:
        """Where the store would have it; `None` where it needn't be asked, or nobody can say."""
        site, key, spec, address = item
        if spec is not None:
            told = of_request(spec, address, self._secret)
            if told is None:
                return None
            key += told
        entry = site.space.get(key)
        if entry is not None and self._engine.usable(entry):
            return None
        return self._engine.stored_key(site, self._engine.names.full(key))


def of_request(spec: Spec, address: str, secret: bytes) -> str | None:
    """What this request adds to a fragment's key; `None` where nobody sees what is read of it."""
    told = ""
    if spec != ANY:
        visit = visiting.get()
        if visit is None or visit.reads is None or UNKNOWN in visit.asked.values(spec[1], secret):
            return None
        told = visit.asked.variant(spec, secret)
    if address:
        told += f"@{blake2b(address.encode(), digest_size=16, person=b'afresh-address').hexdigest()}"
    return told


_rendering: ContextVar[Rendering | None] = ContextVar("afresh.rendering", default=None)


def current_rendering() -> Rendering | None:
    """Of this thread or task."""
    return _rendering.get()


@contextmanager
def rendered_as(page: str) -> Iterator[Rendering]:
    """Render a page, or a fragment, within this block."""
    begun = Rendering(page)
    token = _rendering.set(begun)
    try:
        yield begun
    finally:
        _rendering.reset(token)
