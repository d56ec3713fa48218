"""Where the pages of a cache are: under the URL, or under what else tells its answers apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from afresh.cache import Cache
from afresh.core.entry import NEVER, Entry, Facts
from afresh.core.keys import key_of
from afresh.core.policy import Policy
from afresh.core.ports import Runtime
from afresh.core.tags import hashed
from afresh.core.verdict import Answer
from afresh.engine.changes.invalidate import mark
from afresh.engine.engine import Engine
from afresh.engine.loading.fill import fill
from afresh.engine.loading.gather import Gathering
from afresh.engine.loading.look import look
from afresh.engine.loading.made import Made
from afresh.engine.site import Call
from afresh.errors import BackendError
from afresh.http.answers.families import Families, family_of
from afresh.http.answers.passes import Passes
from afresh.http.options import Options
from afresh.http.pages.page import ANY, Guide, Page, Spec
from afresh.http.pages.searches import Searches
from afresh.http.requests.asked import Asked
from afresh.rfc import Fields, Invalidation, Request, Settings, groups, primary_key, target

_SPECS = 8  # what the answers of one URL depend on may differ so often; then the oldest is forgotten
_MOST = 10_000  # URLs whose variants are counted


class Shelf(NamedTuple):
    """What is stored for a request.

    Attributes:
        primary: The key of its URL.
        key: The key that its answer most likely has.
        guide: What tells the answers of this URL apart, where there are several.
        pages: Those that may answer it, each with its entry.
    """

    primary: str
    key: str
    guide: Guide | None
    pages: list[tuple[Entry, Page]]


class Pages:
    """The pages of one middleware.

    Attributes:
        engine: Where they live, and what numbers their invalidations.
        options: The middleware's.
        passes: URLs for whose answers nobody waits, and
        families: those that are like them.
        site: The pages in this process's memory.
    """

    def __init__(self, cache: Cache, options: Options) -> None:
        self.engine: Engine = cache._engine
        self.options = options
        self.passes = Passes(options.hit_for_miss, self.engine.now)
        self.families = Families(options.hit_for_miss, self.engine.now)
        self.searches = Searches()
        self.secret: bytes = cache._secret
        self._policy = Policy()
        self.site = self.engine.site("page", self._policy, lambda: Page | Guide)
        self._variants: dict[str, dict[str, None]] = {}

    # -- keys -----------------------------------------------------------------------------------

    def primary(self, asked: Asked) -> str:
        """The key of a request's URL."""
        request = asked.request
        key = primary_key(request, asked.options.rules, self.searches.of(request))
        if asked.apart:
            key = b"%s\nwith: %s" % (key, asked.apart.encode())
        return key_of("page", [("", key.decode("latin-1"))], secret=self.secret)

    def variant(self, primary: str, asked: Asked, spec: Spec) -> str:
        """The key of an answer that depends on `spec`."""
        return f"{primary}{asked.variant(spec, self.secret)}"

    def call(self, key: str) -> Call:
        """A call of the engine for a key."""
        return Call(self.site, key, self.engine.names.full(key), self._policy, _by_the_application)

    # -- reading --------------------------------------------------------------------------------

    async def look(self, runtime: Runtime, asked: Asked) -> Shelf:
        """What is stored for a request, that nothing has invalidated."""
        primary = self.primary(asked)
        entry = await self._find(runtime, primary)
        if entry is None:
            return Shelf(primary, primary, None, [])
        if isinstance(entry.value, Page):
            page: Page = entry.value
            return Shelf(primary, primary, None, [(entry, page)] if _can_fill(page, asked) else [])
        guide: Guide = entry.value
        keys = [self.variant(primary, asked, spec) for spec in guide.specs]
        found = [await self._find(runtime, key) for key in keys]
        pages = [(each, each.value) for each in found if each is not None and isinstance(each.value, Page)]
        return Shelf(primary, keys[0], guide, [each for each in pages if _can_fill(each[1], asked)])

    async def _find(self, runtime: Runtime, key: str) -> Entry | None:
        found = await look(self.engine, runtime, self.call(key))
        return None if found.verdict.answer is Answer.MISS else found.entry

    def matches(self, page: Page, asked: Asked) -> bool:
        """Whether what was read for a page, beside the fields of `Vary`, is what this request has."""
        return not page.reads or page.values == asked.values(page.reads, self.secret)

    # -- writing --------------------------------------------------------------------------------

    async def keep(self, gathering: Gathering, asked: Asked, shelf: Shelf, page: Page) -> Made:
        """Keep an answer, where requests like this one will find it."""
        request, stored = asked.request, page.stored
        spec: Spec = (stored.vary, page.reads)
        self.searches.learn(request, stored)
        names = names_of(request, stored.head.fields, asked.options.rules)
        gathering.tracker.depends_on(self.engine.ledger, names)
        key = shelf.primary
        if spec != ANY or shelf.guide is not None:
            key = self.variant(shelf.primary, asked, spec)
            await self._guide(shelf, spec)
            await self._count(shelf.primary, key)
        self.passes.discard(asked.passing(shelf.key))
        self.families.kept(family_of(asked))
        until = max(stored.fresh_until, stored.stale_until, stored.error_until)
        return await gathering.keep(
            page,
            soft=stored.fresh_until,
            stale_until=until,
            error_until=until + asked.options.keep,
            call=self.call(key),
        )

    async def _guide(self, shelf: Shelf, spec: Spec) -> None:
        """Say at the URL's own key that its answers depend on `spec`."""
        old = () if shelf.guide is None else shelf.guide.specs
        if old and old[0] == spec:
            return
        guide = Guide((spec, *[each for each in old if each != spec])[:_SPECS])
        engine, call = self.engine, self.call(shelf.primary)
        stamp, names = engine.ledger.position(), engine.names.of_call(call)
        facts = Facts(
            key=call.key,
            stamp=stamp,
            tags=frozenset(map(hashed, names)),
            names=names,
            loaded_at=engine.now(),
            soft=NEVER,
        )
        await fill(engine, call, Made(guide, facts, stamp))

    async def _count(self, primary: str, key: str) -> None:
        """No URL has more answers than it may: the least used one goes."""
        keys = self._variants.setdefault(primary, {})
        keys[key] = None
        if len(self._variants) > _MOST:
            self._variants.pop(next(iter(self._variants)), None)
        if len(keys) <= self.options.variants:
            return
        space = self.site.space
        uses = {each: space[each].hits if each in space else -1 for each in list(keys) if each != key}
        victim = min(uses, key=uses.__getitem__)
        keys.pop(victim, None)
        entry = space.get(victim)
        if entry is not None and self.engine.l1 is not None:
            self.engine.l1.discard(entry)
            self.site.retire(entry)
        await self._forget(self.call(victim))

    async def _forget(self, call: Call) -> None:
        store = self.engine.store
        if store is None:
            return
        try:
            await store.delete(self.engine.stored_key(call.site, call.key))
        except BackendError as error:
            self.engine.bypassed(call.key, error)

    async def invalidate(self, stale: Invalidation, gathering: Gathering | None = None) -> None:
        """Drop what an unsafe request made stale, in every process.

        Args:
            stale: What that is.
            gathering: What makes the request's answer, where that may answer a later GET.

        Raises:
            NotInvalidated: It could not be written.
        """
        names = [_named(each) for each in (*stale.targets, *stale.groups)]
        await (mark(self.engine, names) if gathering is None else gathering.announce(names))


def _can_fill(page: Page, asked: Asked) -> bool:
    """Whether the holes of a page, and its effects, are known here: another program may have stored it."""
    options = asked.options
    return all(name in options.holes for _, name in page.holes) and all(
        name in options.replay for name, _ in page.effects
    )


def names_of(request: Request, fields: Fields, rules: Settings) -> Iterator[str]:
    """The tags by which unsafe requests find an answer that they made stale: its URL's, and its groups'."""
    yield _named(target(request, rules))
    for group in groups(request, fields):
        yield _named(group)


def _named(key: bytes) -> str:
    return f"url:{key.decode('latin-1')}"


def _by_the_application() -> Any:
    raise AssertionError("pages are made by the application")
