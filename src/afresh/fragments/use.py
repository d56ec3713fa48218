"""One use of a fragment in one rendering."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from afresh.core.entry import NEVER, Facts
from afresh.core.ports import UNASKED, Runtime
from afresh.core.tags import hashed
from afresh.core.verdict import lives
from afresh.engine.asking.tracker import Tracker, asking
from afresh.engine.loading.fill import fill
from afresh.engine.loading.load import load_bare
from afresh.engine.loading.lookup import deliver, obtain
from afresh.engine.loading.made import Made
from afresh.engine.site import Call
from afresh.fragments.holes import cut_out, filled
from afresh.fragments.kept import Fragment, Guide
from afresh.fragments.outside import Taking
from afresh.fragments.rendering import Rendering, current_rendering, of_request, rendered_as
from afresh.fragments.wanted import Wanted, plain
from afresh.http.requests.reading import of_one_page, part_of_the_answer
from afresh.http.requests.visit import visiting
from afresh.runtime.drive import drive

if TYPE_CHECKING:
    from afresh.fragments.fragments import Fragments

_UNKEYED = "what it read of the request can be no part of a key"


class Use:
    """See the module. Under the sync runtime nothing of it suspends."""

    def __init__(
        self, fragments: Fragments, runtime: Runtime, wanted: Wanted, rendering: Rendering | None
    ) -> None:
        self._fragments = fragments
        self._engine = fragments.engine
        self._runtime = runtime
        self._wanted = wanted
        rendering = current_rendering() or rendering
        self._batch = None if rendering is None else rendering.batch(fragments.memory)
        self._site = fragments.site(wanted.name)
        self._policy = fragments.policy(wanted.ttl)
        self._key = fragments.key(wanted)
        self._mine: tuple[Fragment, Tracker] | None = None
        self._began = 0.0

    async def text(self) -> str:
        """The text for this visitor."""
        kept = await self._obtain(self._key, None, self._first)
        if isinstance(kept, Guide):
            kept = await self._for_this_request(kept)
        return await filled(kept, self._wanted.fill)

    async def _obtain(
        self, key: str, guide: Guide | None, load: Callable[[], Coroutine[Any, Any, Any]]
    ) -> Fragment | Guide:
        if self._batch is not None:
            self._batch.uses(self._site, self._key, guide, self._wanted.address)
        entry = self._site.space.get(key)
        if entry is not None and not entry.facts.failed and self._engine.recall(entry):
            return entry.value  # type: ignore[no-any-return]
        call = self._call(key, load)
        asked = UNASKED if self._batch is None else await self._batch.asked(call)
        return await obtain(self._engine, self._runtime, call, asked)  # type: ignore[no-any-return]

    def _call(self, key: str, load: Callable[[], Coroutine[Any, Any, Any]]) -> Call:
        engine = self._engine
        in_this_world = load if self._runtime.loop_thread() is not None else lambda: drive(load())
        return Call(self._site, key, engine.names.full(key), self._policy, in_this_world)

    # -- making one -----------------------------------------------------------------------------

    async def _first(self) -> Fragment | Guide:
        """Make it, for the key that says nothing of the request."""
        fragment, guide, tracker = await self._made()
        if tracker.refused or not (guide.asks or guide.address):
            return fragment
        self._mine = fragment, tracker
        return guide

    async def _made(self) -> tuple[Fragment, Guide, Tracker]:
        wanted, tracker = self._wanted, asking()
        assert tracker is not None
        self._began = self._runtime.now()
        tracker.depends_on(self._engine.ledger, [self._tag])
        with cut_out(wanted.holes) as cut, part_of_the_answer() as part, rendered_as(self._key):
            text = await plain(wanted.make())
        aged = self._policy.ttl is not None
        taking = Taking(self._engine, tracker, part, address=wanted.address, aged=aged)
        guide = Guide.of(part, address=taking.take(wanted.outside()))
        unkeyed = guide.asks and of_request(guide.spec, "", self._fragments.secret) is None
        fragment = cut.kept(str(text))
        tracker.refuse(part.refused or (_UNKEYED if unkeyed else cut.strange(fragment)))
        # What was taken from outside may have added to it.
        return fragment, Guide.of(part, address=guide.address), tracker

    # -- one of several -------------------------------------------------------------------------

    async def _for_this_request(self, guide: Guide) -> Fragment:
        """The fragment of requests that have, in what is read of them, what this one has."""
        address = self._wanted.address
        told = of_request(guide.spec, (address or "") if guide.address else "", self._fragments.secret)
        if told is None or (guide.address and address is None):
            return await self._alone()
        if guide.address:
            of_one_page()
        visit = visiting.get()
        if visit is not None and visit.reads is not None:
            for header in guide.headers:
                visit.reads.header(header)
            for name in guide.reads:
                visit.reads.read(name)
        if self._mine is not None:
            return await self._keep_mine(self._key + told, guide)
        kept = await self._obtain(self._key + told, guide, lambda: self._again(guide))
        assert isinstance(kept, Fragment)
        return kept

    async def _keep_mine(self, key: str, guide: Guide) -> Fragment:
        """Keep what was made to find out which key it has."""
        assert self._mine is not None
        (fragment, tracker), self._mine = self._mine, None
        engine, call, now = self._engine, self._call(key, self._just_made), self._runtime.now()
        if self._batch is not None:
            self._batch.uses(self._site, self._key, guide, self._wanted.address)
        tracker.depends_on(engine.ledger, engine.names.of_call(call))
        life = lives(self._policy, now=now, draw=self._runtime.random(), failed=False)
        cost = max(now - self._began, 0.0)
        made = Made.under(tracker, fragment, key=call.key, began=self._began, cost=cost, lives=life)
        return deliver(engine, call, await fill(engine, call, made))  # type: ignore[no-any-return]

    async def _again(self, guide: Guide) -> Fragment:
        """Make it for this key."""
        tracker = asking()
        assert tracker is not None
        fragment, read, _ = await self._made()
        if not guide.covers(read):
            tracker.refuse("it read something of the request that others of its kind did not")
            await self._keep(guide.merged(read))
        return fragment

    async def _keep(self, guide: Guide) -> None:
        """Say where fragments are looked for from now on."""
        engine, call = self._engine, self._call(self._key, self._first)
        stamp = engine.ledger.position()
        names = (*engine.names.of_call(call), self._tag)
        tags = frozenset(map(hashed, names))
        facts = Facts(key=call.key, stamp=stamp, tags=tags, names=names, loaded_at=engine.now(), soft=NEVER)
        await fill(engine, call, Made(guide, facts, stamp))

    async def _alone(self) -> Fragment:
        """Make it for nobody else: here nobody sees what is read of the request."""
        if self._mine is not None:
            return self._mine[0]
        call = self._call(self._key, self._just_made)
        made = await load_bare(self._engine, self._runtime, call)
        return deliver(self._engine, call, made)  # type: ignore[no-any-return]

    async def _just_made(self) -> Fragment:
        return (await self._made())[0]

    @property
    def _tag(self) -> str:
        return self._fragments.tag(self._wanted.name, tuple(self._wanted.vary))
