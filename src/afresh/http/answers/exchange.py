"""One run of the application: what it answers is passed on, and stored where that is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Token
from typing import NamedTuple

from afresh.core.entry import Entry
from afresh.core.events import Event, Kind
from afresh.core.ports import Lease, Runtime
from afresh.engine.asking.contexts import leave
from afresh.engine.loading.flights import Flight
from afresh.engine.loading.gather import Gathering
from afresh.http.answers import adjusting
from afresh.http.answers.collect import Collector
from afresh.http.answers.families import family_of
from afresh.http.answers.reply import Reply
from afresh.http.answers.told import Told
from afresh.http.answers.unkept import clears, unkept
from afresh.http.pages.making import Making
from afresh.http.pages.page import Page
from afresh.http.pages.places import Pages, Shelf
from afresh.http.requests.asked import UNKNOWN, Asked
from afresh.http.requests.reading import Reads, spellings
from afresh.http.requests.visit import Visit, visiting
from afresh.rfc import (
    Fields,
    Forward,
    Head,
    Invalidation,
    Pair,
    Refusal,
    Serve,
    Stored,
    Validate,
    end_to_end,
    failing,
    finished,
    headed,
    invalidates,
    selects,
    serve,
    storable,
    target,
    unconditional,
    validated,
)

_NO_STORE = ((b"cache-control", b"no-store"),)
_PERMITTING = (b"cache-control", b"cdn-cache-control", b"surrogate-control", b"expires", b"x-accel-expires")

_WRITING = frozenset(["it writes"])  # what `afresh.sql` says of a statement that does


class Leading(NamedTuple):
    """Others wait for this run."""

    flight: Flight
    lease: Lease | None


class Exchange:
    """One request that the application answers.

    Attributes:
        asked: The request.
        fields: What the application is to see of the request's fields.
        collecting: The content is kept for storing.
        reply: The answer for the client, where it is not the application's own.
        compare: What would have been served, in shadow.
        told: For `Cache-Status`.
    """

    def __init__(
        self,
        pages: Pages,
        runtime: Runtime,
        asked: Asked,
        shelf: Shelf,
        plan: Validate | Forward,
        leading: Leading | None = None,
    ) -> None:
        self.asked = asked
        self.pages = pages
        self.plan = plan
        self.collecting = False
        self.reply: Reply | None = None
        self.compare: Page | None = None
        self.told = Told(asked.options, plan)
        self._runtime = runtime
        self._shelf = shelf
        self._leading = leading
        flight, lease = leading or (None, None)
        call = pages.call(shelf.key)
        self._gathering = Gathering(pages.engine, runtime, call, flight, lease)
        if asked.options.writes:
            self._gathering.tracker.tolerated = _WRITING
        self._collector = Collector(asked.options.max_body)
        self._stored: Stored | None = None
        self._old: Page | None = None
        self._dated = self._failed = False
        self._refused = ""
        self._etag: bytes | None = None
        self._reads: Reads | None = None
        self._settle: Callable[[], object] = int
        self._making = Making(asked.options)
        self._own: tuple[Pair, ...] = ()
        self._visit = Visit(asked)
        self._before: Token[Visit | None] | None = None

    def watch(
        self, reads: Reads, settle: Callable[[], object], known: Callable[[str], str | None] | None = None
    ) -> None:
        """What is read of the request is noticed in `reads`, all after `settle()`; `known` has what it was before."""
        self._reads, self._settle = reads, settle
        self.asked = self.asked._replace(known=known or self.asked.known)
        self._visit.asked, self._visit.reads = self.asked, reads

    @property
    def fields(self) -> Fields:
        """See the class. Whoever asks for others too, asks for the whole, without conditions."""
        if self._leading is None or isinstance(self.plan, Validate):
            return self.plan.fields
        return unconditional(self.plan.fields)

    def begin(self) -> None:
        """The application is about to be called, in this context."""
        self._gathering.begin()
        self._before = visiting.set(self._visit)
        self._making.begin()

    def leave(self) -> None:
        """It has returned, or failed."""
        self._gathering.leave()
        if self._before is not None:
            leave(visiting, self._before)
            self._before = None
        self._making.leave()

    @property
    def marks(self) -> Mapping[bytes, str]:
        """The holes that the answer has so far, by their marks."""
        return self._making.marks

    @property
    def gathering(self) -> Gathering:
        """What it has read so far."""
        return self._gathering

    # -- the answer, as it comes ----------------------------------------------------------------

    async def heard(self, head: Head) -> Head | None:
        """The application's status and fields are there.

        Returns:
            What to send on. `None` when nothing is: `reply` will be the answer, once it is `complete`.
        """
        self._failed = head.status >= 400
        if self._confirmed(head) or self._spared(head.status):
            return None
        rules, request = self.asked.options.rules, self.asked.request
        stale = invalidates(request, head, rules)
        if request.method == "HEAD" and self._head_differs(head):
            stale = Invalidation((target(request, rules),))
        if stale.targets or stale.groups:
            await self.pages.invalidate(stale, self._gathering if request.method == "POST" else None)
        self._consider(head)
        return Head(head.status, end_to_end(head.fields))

    def _confirmed(self, head: Head) -> bool:
        """It is a 304 that answers our question about a stored answer."""
        if not isinstance(self.plan, Validate):
            return False
        found = validated(
            self.asked.request,
            self.plan.stored,
            self._kept(head),
            requested_at=self._gathering.began,
            received_at=self._runtime.now(),
            settings=self.asked.options.rules,
        )
        if found is None:
            return False
        entry, self._old = self._on_shelf(self.plan.stored)
        self._gathering.tracker.takes_tags_of(entry.facts)
        self._stored, self._dated = found.stored, self._old.dated
        self.told.status = head.status
        if found.refusal is not None:
            self.refuse(found.refusal.reason, stored=found.stored)
        return True

    def _kept(self, head: Head) -> Head:
        """What others may have of a head: not the cookies that are this client's own."""
        kept = adjusting.without_cookies(head, self.asked.options.drop_cookies)
        self._own = tuple(pair for pair in head.fields if pair not in kept.fields.pairs)
        return kept

    def _spared(self, status: int) -> bool:
        """The application failed, and an old answer may be sent in its place."""
        stored = self.plan.stored
        if stored is None:
            return False
        rules, now = self.asked.options.rules, self._runtime.now()
        served = failing(self.asked.request, stored, now=now, settings=rules, status=status)
        if served is not None:
            self.told.status = status
            self.refuse("the application failed", remember=False)
            self._instead(served, stored)
        return served is not None

    def _head_differs(self, head: Head) -> bool:
        """What is stored for GET is no longer what HEAD says."""
        times = {"requested_at": self._gathering.began, "received_at": self._runtime.now()}
        rules, request = self.asked.options.rules, self.asked.request
        pages = [page.stored for _, page in self._shelf.pages if selects(page.stored, request)]
        return any(headed(request, each, head, **times, settings=rules) is None for each in pages)

    def _consider(self, head: Head) -> None:
        """Whether what comes is stored."""
        options, request = self.asked.options, self.asked.request
        if isinstance(self.plan, Forward) and not self.plan.store:
            self.refuse(self.plan.detail, remember=False)
        if self._refused:
            return
        found = storable(
            request,
            self._kept(head),
            requested_at=self._gathering.began,
            received_at=self._runtime.now(),
            settings=options.rules,
        )
        if isinstance(found, Refusal):
            self.refuse(found.reason)
            return
        if reason := unkept(head, found, options):
            self.refuse(reason)
            return
        if b"content-encoding" in head.fields:
            # What was compressed for one would come so for all, whether `Vary` says it or not.
            found = adjusting.depending(found, {b"accept-encoding"}, request, finer=())
        self._stored, self.collecting = found, True
        self._dated = b"date" in head.fields

    def refuse(self, reason: str, *, remember: bool = True, stored: Stored | None = None) -> None:
        """Nobody can share what comes; those who wait for it needn't.

        Args:
            reason: Why.
            remember: The next answer to such a request will hardly be another.
            stored: What this client gets all the same.
        """
        if self._refused:
            return
        self._refused = self.told.reason = reason
        self.collecting = False
        self._stored = stored
        if remember:
            self.pages.passes.add(self.asked.passing(self._shelf.key))
            if not self._failed:
                self.pages.families.refused(family_of(self.asked), self._shelf.primary)
        self._gathering.release(reason)

    def content(self, piece: bytes) -> None:
        """A piece of the application's content."""
        if self.collecting and not self._collector.add(piece):
            self.refuse("it is too long")

    async def complete(self, *, sent: bool) -> None:
        """All of it is there; the last piece is not sent yet.

        Args:
            sent: The head is sent already.
        """
        self._gathering.end()
        self._settle()
        stored, old = self._stored, self._old
        if stored is None:
            return
        if old is None:
            ended = finished(stored, len(self._collector.whole()))
            if isinstance(ended, Refusal):
                self.refuse(ended.reason)
                return
            stored = ended
        else:
            # What confirmed it may have read less than what made it.
            stored = adjusting.depending(stored, old.stored.vary, self.asked.request, finer=old.reads)
        page = Page(stored, self._collector.whole() if old is None else old.body, self._dated)
        said = self._making if old is None else old
        page.holes, page.effects = said.holes, said.effects
        if self.compare is not None and self.compare.body != page.body:
            self._mismatched()
        await self._keep(page, sent=sent)

    async def _keep(self, page: Page, *, sent: bool) -> None:
        gathering = self._gathering
        tracker = gathering.tracker
        if self.asked.options.etag:
            page.stored = adjusting.with_etag(page.stored, page.body)
        page.stored = adjusting.capped(page.stored, tracker.lives().soft)
        if self._reads is not None:
            self._note_reads(self._reads, page)
        if tracker.refused or tracker.foreign:
            self.refuse(tracker.refused or "a part of it is numbered by another ledger", stored=page.stored)
        if tracker.forgiven and self.asked.options.noted and not page.effects:
            self.refuse("it writes, and no rule says how to do that again", stored=page.stored)
        if not self._refused:
            await self.pages.keep(gathering, self.asked, self._shelf, page)
            self.told.stored = gathering.unchanged
            self._etag = page.stored.head.fields.get(b"etag")
        if self._old is not None or (not sent and self._answers_client()):
            self._reply_with(self._served(page), page)

    def _mismatched(self) -> None:
        engine, key = self.pages.engine, self.pages.call(self._shelf.key).key
        engine.counters.mismatches += 1
        if engine.events:
            engine.events.emit(Event(Kind.MISMATCH, "l1", key, "shadow"))

    def _note_reads(self, reads: Reads, page: Page) -> None:
        """What was read of the request is a part of the key."""
        asked = self.asked
        old = self._old.reads if self._old is not None else ()
        declared = set(page.stored.vary) - reads.excused  # the application itself says: a list
        page.reads = tuple(sorted({*reads.others, *spellings(reads.headers - declared), *old}))
        page.values = asked.values(page.reads, self.pages.secret)
        page.stored = adjusting.depending(
            page.stored, reads.headers, asked.request, finer=page.reads, excused=reads.excused
        )
        reason = reads.refused or ("what was read can be no part of a key" if UNKNOWN in page.values else "")
        if reason:
            self.refuse(reason, stored=page.stored)

    # -- the client -----------------------------------------------------------------------------

    def _answers_client(self) -> bool:
        """The client's own conditions are still to be answered: the application did not see them."""
        return self.told.stored and not self.marks and len(self.fields) < len(self.plan.fields)

    def _served(self, page: Page) -> Serve:
        return serve(self.asked.request, page.stored, now=self._runtime.now())

    def _reply_with(self, served: Serve, page: Page) -> None:
        request, now = self.asked.request, self._runtime.now()
        self.reply = Reply.for_visitor(
            served, page, request, now, lambda each: self._outward(self._with_own(each.head.fields))
        )

    def _with_own(self, fields: Fields) -> Fields:
        """The fields, and the cookies that only this client gets."""
        return adjusting.closed(Fields((*fields.pairs, *self._own))) if self._own else fields

    def outward(self, head: Head) -> Head:
        """The head as it is sent."""
        fields = head.fields
        if clears(head, self.asked.options):
            fields = adjusting.clearing(fields, self.asked.options.clear_site_data)
        if self._etag is not None and b"etag" not in fields:
            fields = Fields((*fields.pairs, (b"etag", self._etag)))
        if self.asked.request.method in {"GET", "HEAD"}:
            names = () if self._stored is None else self._stored.vary
            reads = self._reads
            fields = (
                adjusting.outward(fields, names, ())
                if reads is None
                else adjusting.outward(fields, reads.headers.union(names), reads.others)
            )
        return Head(head.status, self._outward(fields))

    def _outward(self, fields: Fields) -> Fields:
        """The fields as they are sent: what has changed while it was made is to be stored by nobody."""
        if not self._gathering.unchanged:
            fields = fields.without(_PERMITTING).replaced(_NO_STORE)
            self.told.stored, self.told.reason = False, self._gathering.doubt
        return self.told.on(fields)

    def failed(self, error: Exception) -> Reply | None:
        """What to answer in the place of an application that raised an exception, if anything."""
        stored = self.plan.stored
        if stored is None:
            return None
        rules, now = self.asked.options.rules, self._runtime.now()
        served = failing(self.asked.request, stored, now=now, settings=rules)
        if served is None:
            return None
        self.refuse(f"the application raised {type(error).__name__}", remember=False)
        self._instead(served, stored)
        return self.reply

    def _instead(self, served: Serve, stored: Stored) -> None:
        """Reply with an old answer; whoever makes something of that depends on what it was made from."""
        entry, page = self._on_shelf(stored)
        self._gathering.tracker.takes_tags_of(entry.facts)
        self._reply_with(served, page)

    def _on_shelf(self, stored: Stored) -> tuple[Entry, Page]:
        return next(each for each in self._shelf.pages if each[1].stored is stored)
