"""What becomes of a request: an answer from the cache, another's answer, or a run of the application."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from afresh.cache import Cache
from afresh.core.entry import NEVER, Entry
from afresh.core.events import Event, Kind
from afresh.core.ports import Runtime
from afresh.engine.asking.confirm import assure
from afresh.engine.asking.tracker import asking
from afresh.engine.changes.transaction import reads_through
from afresh.engine.loading.flights import Flight
from afresh.engine.loading.join import join
from afresh.engine.loading.lead import take_lease
from afresh.engine.loading.made import Made
from afresh.engine.mode import ModeName
from afresh.http.answers.exchange import Exchange, Leading
from afresh.http.answers.families import family_of
from afresh.http.answers.reply import Reply
from afresh.http.answers.told import hit
from afresh.http.effects import Effects
from afresh.http.hits.duties import Hit, on_hit
from afresh.http.hits.quick import Ready
from afresh.http.options import Options
from afresh.http.pages.page import Page
from afresh.http.pages.places import Pages, Shelf
from afresh.http.requests.asked import Asked
from afresh.http.rules import Rules, rules_of
from afresh.rfc import Fields, Forward, Head, Refuse, Serve, Validate, Why, answer, unconditional
from afresh.rfc.conditions import conditions_for

Decision: TypeAlias = Serve | Validate | Forward | Refuse

_PORT = re.compile(rb":\d*$")
_ROUNDS = 3  # times that another's answer may turn out to be for other requests


class Flow:
    """The decisions of one middleware.

    Attributes:
        pages: Where pages are.
        engine: The cache's.
        effects: What hits have left to do.
    """

    def __init__(self, cache: Cache, given: Mapping[str, Any]) -> None:
        options = Options.of(given)
        self.rules = Rules(options, rules_of(given.get("rules", ())))
        self.pages = Pages(cache, options)
        self.engine = self.pages.engine
        self.effects = Effects(self.rules.base.replay, self._effect_failed)

    def rely_on_reads(self, lifetime: float) -> None:
        """A framework's glue sees what is read of requests, so who sends them needs no other caution.

        Args:
            lifetime: Seconds, for answers that say nothing of caching.
        """
        base = self.rules.base
        settings = replace(base.rules, cookies=True, authorization=True, default_lifetime=lifetime)
        self.pages.options = replace(base, rules=settings)
        self.rules = self.rules.on(self.pages.options)

    async def plan(self, runtime: Runtime, asked: Asked) -> Reply | Exchange | None:
        """What to do with a request: send a reply, run the application, or leave it alone (`None`)."""
        engine = self.engine
        if engine.closed or not self._is_for_us(asked):
            return None
        engine.awake()
        asked = asked._replace(options=self.rules.of(asked.request.path))
        mode = self._mode(runtime, asked)
        if mode == "off" or reads_through(engine) or not await assure(engine):
            return self._past(runtime, asked, "the cache is off" if mode == "off" else "bypass")
        if mode == "shadow":
            return await self._shadow(runtime, asked)
        asked_at = NEVER if engine.backend.waiting() else engine.ledger.position()
        for left in reversed(range(_ROUNDS)):
            shelf = await self.pages.look(runtime, asked)
            decision = self._decide(asked, [page for _, page in shelf.pages])
            if isinstance(decision, (Serve, Refuse)):
                return self._from_shelf(asked, decision, shelf)
            planned = await self._together(runtime, asked, shelf, decision, asked_at)
            if planned is not None or not left:
                return planned or Exchange(self.pages, runtime, asked, shelf, decision)
        raise AssertionError("the last round always ends")

    def of_ready(self, ready: Ready, asked: Asked) -> Reply:
        """The reply that the short way has found, with what is to be done for it first."""
        options = self.rules.of(asked.request.path)
        doing = on_hit(options, ready.key, asked.request, asked.client, ready.status)
        return Reply(Head(ready.status, Fields(tuple(ready.headers))), ready.body, doing=doing)

    async def refreshing(self, runtime: Runtime, asked: Asked) -> Exchange | None:
        """A run in the background that replaces what is stale, unless somebody does or did."""
        if asked.request.method not in {"GET", "HEAD"}:
            return None  # its content is not there any more
        fields = unconditional(asked.request.fields).without((b"cache-control", b"pragma"))
        options = self.rules.of(asked.request.path)
        calm = asked._replace(request=replace(asked.request, fields=fields, method="GET"), options=options)
        shelf = await self.pages.look(runtime, calm)
        decision = self._decide(calm, [page for _, page in shelf.pages])
        if isinstance(decision, Refuse) or (isinstance(decision, Serve) and not decision.refresh):
            return None
        flight, leading = self.engine.flights.enter(self.pages.call(shelf.key).key, runtime)
        if not leading:
            return None
        plan = _revalidation(decision, fields) if isinstance(decision, Serve) else decision
        return Exchange(self.pages, runtime, calm, shelf, plan, Leading(flight, None))

    def failed_behind(self, asked: Asked, error: Exception) -> None:
        """A run in the background has failed: nobody waits for it, but whoever listens is told."""
        if self.engine.events:
            key, reason = self.pages.primary(asked), f"{type(error).__name__}: {error}"
            self.engine.events.emit(Event(Kind.LOAD_FAILED, "loader", key, reason))

    def refused(self, runtime: Runtime, asked: Asked, hit: Hit) -> Exchange:
        """The application answers in the place of a page that was to."""
        return self._past(runtime, asked._replace(options=self.rules.of(asked.request.path)), hit.refused)

    def _effect_failed(self, name: str, error: Exception) -> None:
        if self.engine.events:
            reason = f"{type(error).__name__}: {error}"
            self.engine.events.emit(Event(Kind.LOAD_FAILED, "effects", name, reason))

    # -- steps ----------------------------------------------------------------------------------

    def _mode(self, runtime: Runtime, asked: Asked) -> ModeName:
        """What to do with this request: the cache's mode comes first, then that of its path."""
        for mode in (self.engine.mode, asked.options.mode):
            if not mode.plain and (drawn := mode.draw(runtime.random())) != "on":
                return drawn
        return "on"

    async def _shadow(self, runtime: Runtime, asked: Asked) -> Exchange:
        """The application answers, and that is compared with what would have been served."""
        shelf = await self.pages.look(runtime, asked)
        decision = self._decide(asked, [page for _, page in shelf.pages])
        plan = Forward(Why.BYPASS, "shadow", asked.request.fields)
        exchange = Exchange(self.pages, runtime, asked, shelf, plan)
        if isinstance(decision, Serve) and not decision.stale:
            exchange.compare = next(page for _, page in shelf.pages if page.stored is decision.stored)
        return exchange

    def _is_for_us(self, asked: Asked) -> bool:
        hosts, authority = self.rules.base.hosts, asked.request.authority
        if not authority:
            return False
        if hosts is None:
            return True
        name = _PORT.sub(b"", authority.lower()).decode("latin-1")
        return any(fnmatchcase(name, each.decode("latin-1").replace("[", "[[]")) for each in hosts)

    def _decide(self, asked: Asked, pages: list[Page]) -> Decision:
        stored = [page.stored for page in pages]
        return answer(asked.request, stored, now=self.engine.now(), settings=asked.options.rules)

    async def _together(
        self, runtime: Runtime, asked: Asked, shelf: Shelf, decision: Validate | Forward, asked_at: float
    ) -> Reply | Exchange | None:
        """Wait for whoever makes the same answer already, or be the one that others wait for.

        Returns `None` when something else is stored now, so that it is worth to look again.
        """
        pages, engine = self.pages, self.engine
        call = pages.call(shelf.key)
        call.site.misses += 1
        if engine.events:
            engine.events.emit(Event(Kind.MISS, "l1", call.key, decision.why.value))
        alone = asked.passing(shelf.key) in pages.passes or family_of(asked) in pages.families
        if alone or not _for_all(asked, decision):
            return Exchange(pages, runtime, asked, shelf, decision)
        joined = await join(engine, runtime, call, asked_at)
        if joined is None:
            return Exchange(pages, runtime, asked, shelf, decision)
        if isinstance(joined, Flight):
            return await self._lead(runtime, asked, shelf, joined)
        return self._joined(asked, joined)

    async def _lead(self, runtime: Runtime, asked: Asked, shelf: Shelf, flight: Flight) -> Reply | Exchange:
        """Lead, unless another process, or a flight that has just landed, has stored it meanwhile."""
        pages, engine, lease = self.pages, self.engine, None
        planned: Reply | Exchange | None = None
        made: Made | None = None
        try:
            lease = await take_lease(engine, runtime, pages.call(shelf.key))
            again = await pages.look(runtime, asked)
            decision = self._decide(asked, [page for _, page in again.pages])
            if isinstance(decision, (Serve, Refuse)):
                planned = self._from_shelf(asked, decision, again)
                made = _made(decision, again)
            else:
                planned = Exchange(pages, runtime, asked, again, decision, Leading(flight, lease))
            return planned
        finally:
            if not isinstance(planned, Exchange):
                if lease is not None:
                    lease.release()
                engine.flights.end(flight, made)

    def _joined(self, asked: Asked, made: Made) -> Reply | None:
        """Another's answer, if it is one for this request too."""
        page = made.value
        if not isinstance(page, Page) or not self.pages.matches(page, asked):
            return None
        decision = self._decide(asked, [page])
        if not isinstance(decision, Serve):
            return None
        self._told(made)
        return self._reply(asked, decision, page, made.facts.key, collapsed=True)

    def _from_shelf(self, asked: Asked, decision: Serve | Refuse, shelf: Shelf) -> Reply:
        if isinstance(decision, Refuse):
            return Reply(decision.head)
        entry, page = next(each for each in shelf.pages if each[1].stored is decision.stored)
        self._hit(entry, decision)
        reply = self._reply(asked, decision, page, entry.facts.key)
        if page.holes or decision.stale or reply.content is not page.body or not asked.options.mode.plain:
            return reply
        if reply.doing is None:
            return reply._replace(entry=entry)
        return reply if page.effects else reply._replace(doing=reply.doing._replace(entry=entry))

    def _reply(self, asked: Asked, served: Serve, page: Page, key: str, *, collapsed: bool = False) -> Reply:
        now, options = self.engine.now(), asked.options
        reply = Reply.for_visitor(
            served, page, asked.request, now, lambda each: hit(options, each, now, collapsed=collapsed)
        )
        doing = on_hit(options, key, asked.request, asked.client, served.head.status, page.effects)
        return reply if doing is None else reply._replace(doing=doing)

    def _hit(self, entry: Entry, decision: Serve) -> None:
        """Count a hit, and tell whoever collects dependencies."""
        engine = self.engine
        entry.hits += 1
        site = engine.sites.get(id(entry.home))
        if engine.l1 is None and site is not None:
            site.retire(entry)  # nobody else keeps it, nor its count
        if engine.events:
            kind = Kind.STALE if decision.stale else Kind.HIT
            engine.events.emit(Event(kind, "l1", entry.facts.key))
        self._told(Made.of(entry))

    def _told(self, made: Made) -> None:
        tracker = asking()
        if tracker is not None:
            tracker.saw(self.engine.ledger, made.facts, made.at)

    def _past(self, runtime: Runtime, asked: Asked, why: str) -> Exchange:
        """The application answers, and nothing of it is stored. What it changes is announced."""
        key = self.pages.primary(asked)
        plan = Forward(Why.BYPASS, why, asked.request.fields, store=False)
        return Exchange(self.pages, runtime, asked, Shelf(key, key, None, []), plan)


def _for_all(asked: Asked, decision: Validate | Forward) -> bool:
    """Whether the answer will be one for others too, so that they may wait for it.

    Who asks for a part gets what the application makes of that: to have it make all of a long file
    instead could take its time.
    """
    if isinstance(decision, Forward) and (not decision.store or b"range" in asked.request.fields):
        return False
    return asked.request.method in {"GET", "QUERY"} and decision.why is not Why.BYPASS


def _revalidation(served: Serve, fields: Fields) -> Validate | Forward:
    """How to ask whether what was served is still right."""
    conditions = conditions_for(served.stored)
    if not conditions:
        return Forward(Why.STALE, "", fields, served.stored)
    return Validate(served.stored, Fields(fields.pairs + conditions), Why.STALE)


def _made(decision: Serve | Refuse, shelf: Shelf) -> Made | None:
    """What is served, as the flight of its key lands with it."""
    if isinstance(decision, Refuse):
        return None
    return next(Made.of(entry) for entry, page in shelf.pages if page.stored is decision.stored)
