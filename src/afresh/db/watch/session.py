"""One life of a watcher's connections: from finding out where it is to following the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress

from afresh.db.watch.asking import Asker, Server
from afresh.db.watch.barrier import Barrier, Unseen
from afresh.db.watch.slot import Slot
from afresh.db.watch.source import Source
from afresh.db.watch.status import Status
from afresh.db.watch.targets import Targets
from afresh.db.watch.transactions import Transaction, Transactions
from afresh.errors import AfreshError
from afresh.sql import postgres_schema
from afresh.sql.tags.bounds import Bounded
from afresh.sql.tags.changes import Changes

_WAIT = 0.2  # seconds of one read
_LOOK = 2.0  # seconds between two looks at the slot
_IDLE = 10.0  # seconds until a position without changes is confirmed
_AGAIN = 0.5  # seconds until a cache that could not be told is told again
_RUNNING = 10.0  # seconds for commits that were under way when the slot was made


class Session:
    """The changes of one database, from a slot to caches, as long as the connections live.

    Args:
        asker: A connection for questions.
        slot: What is read.
        targets: Who is told.
        status: Where it is shown.
        stopped: Says that it shall end.
        database: The database's name in tags.
        volatile: Volatile columns, by table.
    """

    def __init__(
        self,
        asker: Asker,
        slot: Slot,
        targets: Targets,
        status: Status,
        stopped: Callable[[], bool],
        *,
        database: str = "",
        volatile: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self._asker = asker
        self._slot = slot
        self._targets = targets
        self._status = status
        self._stopped = stopped
        self._database = database
        self._volatile = volatile
        self._barrier = Barrier(asker.value)
        self._server: Server = asker.server()
        self._confirmed = 0
        self._confirmed_at = self._looked_at = time.monotonic()

    def changes(self, before: Changes | None) -> Changes:
        """What changes mark by the schema as it is now."""
        catalogue = postgres_schema(self._asker.rows, volatile=self._volatile)
        return Changes(catalogue, self._database, before)

    def begin(self, changes: Changes, *, new: bool) -> None:
        """Announce everything unless it is sure that nothing was missed."""
        state = self._slot.look(self._asker)
        self._status.slot = state
        self._confirmed = state.confirmed if state is not None else 0
        if new:
            self._from_here(changes)
        elif not self._targets.know(self._server, self._confirmed):
            self._everything(
                changes, "not every cache was told of all changes up to the slot, or the server was restarted"
            )
        self._targets.remember(self._server, self._confirmed)

    def _from_here(self, changes: Changes) -> None:
        """Everything, and again once the commits are seen that the log may have from before the slot."""
        running = self._barrier.running()
        self._everything(changes, f"the slot {self._slot.name} is new: what changed before it isn't known")
        if running:
            end = time.monotonic() + _RUNNING
            with suppress(Unseen):
                self._barrier.wait(running, lambda: self._stopped() or time.monotonic() > end)
            self._announce([*changes.everything()])

    def follow(self, source: Source, transactions: Transactions) -> None:
        """Announce what the source tells, until stopped."""
        end = self._confirmed
        while not self._stopped():
            messages = source.read(_WAIT)
            ready: list[Transaction] = []
            for each in transactions.take(messages):
                ready.append(each)
                end = each.end
                if each.schema or each.everything:
                    self._settle(ready, transactions.changes)
                    self._announce([*transactions.changes.whole(transactions.renew())])
                    ready = []
            self._settle(ready, transactions.changes)
            if messages:
                self._confirm(source, end, source.every)
            elif transactions.between:
                self._confirm(source, end, source.every)
                self._confirm(source, source.idle, _IDLE)
            self._look()
        self._confirm(source, end, 0.0)

    def _settle(self, ready: Sequence[Transaction], changes: Changes) -> None:
        """Announce some transactions, once others see them."""
        if not ready:
            return
        marks = Bounded(self._database)
        schema: set[str] = set()
        ours = self._targets.epochs()
        for each in ready:
            if ours <= each.announced and not each.schema and not each.everything:
                self._status.known += 1
                continue
            marks.add(each.marks.names())
            if each.schema or each.everything:
                schema.add(f"schema:{self._database}")
        self._barrier.wait([each.xid for each in ready], self._stopped)
        for each in ready:
            if each.everything:
                self._everything(changes, each.everything)
        self._announce([*marks.names(), *schema])
        now = time.time()
        self._status.lags.extend(max(0.0, now - each.committed) for each in ready)
        self._status.transactions += len(ready)
        self._status.rows += sum(each.rows for each in ready)

    def _everything(self, changes: Changes, why: str) -> None:
        self._status.everything += 1
        self._status.say(f"everything is announced: {why}")
        self._announce([*changes.everything(), f"schema:{self._database}"])

    def _announce(self, names: Collection[str]) -> None:
        """Announce, again and again until it is done: what isn't announced is never confirmed."""
        told = list(names)
        while told:
            try:
                self._targets.announce(told)
            except AfreshError as error:
                if self._stopped():
                    raise Unseen(f"a cache could not be told: {error}") from error
                self._away(str(error))
                time.sleep(_AGAIN)
            else:
                break
        self._status.tags += len(told)
        self._status.state, self._status.reason = "following", ""

    def _away(self, reason: str) -> None:
        if self._status.reason != reason:
            self._status.say(f"a cache could not be told, changes are kept: {reason}")
        self._status.state, self._status.reason = "away", reason

    def _confirm(self, source: Source, position: int, every: float) -> None:
        now = time.monotonic()
        if position > self._confirmed and now - self._confirmed_at >= every:
            self._targets.remember(self._server, position)
            source.confirm(position)
            self._confirmed, self._confirmed_at = position, now

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_at >= _LOOK:
            self._looked_at = now
            self._status.slot = self._slot.look(self._asker)
