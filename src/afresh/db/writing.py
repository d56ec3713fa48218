"""What one transaction of a connection has written: an intent before COMMIT, announced after it, in every ledger.

Nothing is announced on rollback. While it is open, and has written, whoever wrote reads through the
caches, and what is read through its connection is kept nowhere.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence

from afresh.core.ports import Ledger
from afresh.core.tags import hashed
from afresh.db.database import Database, positions
from afresh.engine.asking.tracker import Tracker, same_ledger
from afresh.engine.changes import capturing
from afresh.engine.changes.transaction import Unfinished, current
from afresh.engine.engine import Engine
from afresh.errors import BackendError, NotInvalidated
from afresh.runtime.drive import drive
from afresh.runtime.fork import forks
from afresh.runtime.gate import track, untrack
from afresh.sql.tags.bounds import Bounded

_TOLD = 8  # statements that an event tells, and
_LONG = 400  # characters of each


class DatabaseTransaction:
    """One transaction of one connection.

    Args:
        database: Of the connection.
        connection: Whose it is. When that is thrown away, the transaction is over.

    Attributes:
        outer: The transaction that was open when this one began.
        wrote: It has changed something.
        schema: It has changed the schema.
    """

    def __init__(self, database: Database, connection: object) -> None:
        self.database = database
        self._connection = weakref.ref(connection, self._abandon)
        self.outer = _innermost_open(current.get())
        self.wrote = False
        self.schema = False
        self._frames: list[tuple[str, Bounded]] = [("", Bounded(database.name, marks=True))]
        self._outermost = False
        self._statements: list[str] = []
        self._by_hand: dict[str, None] = {}
        self._began = positions()
        self._ended = False
        self._forks = forks()
        self._intents: list[tuple[Ledger, int]] = []
        self._intended: frozenset[str] = frozenset()

    # -- what it is to whoever reads --------------------------------------------------------------

    @property
    def open(self) -> bool:
        """It is under way, and in this process."""
        return not self._ended and self._forks == forks()

    def enter(self) -> None:
        """Make it the innermost one of this thread or task."""
        current.set(self)

    def _abandon(self, _: object) -> None:
        self._ended = True
        if self.wrote:
            untrack(self)

    def concerns(self, engine: Engine) -> bool:
        """Whether this cache is told of what it writes."""
        return capturing.takes_captured_writes(engine)

    def writes(self, names: Iterable[str]) -> bool:
        """Note what was invalidated by hand. It is announced at the end, however that comes out.

        As long as nothing was written, it is announced at once as well: this may have nothing to do
        with the database.
        """
        self._by_hand.update(dict.fromkeys(names))
        return self.wrote and self.open

    def is_read_by(self, tracker: Tracker) -> None:
        """A load reads through its connection: what it sees may be as old as the beginning."""
        if self.wrote:
            tracker.refuse("its own transaction has written, and isn't committed")
        began = self._began.get(tracker.ledger.epoch)
        if began is None:
            if capturing.hears_captured_writes(tracker.ledger):
                tracker.refuse("the transaction is older than the cache")
        elif began < tracker.stamp:
            tracker.stamp = began

    # -- what it writes -----------------------------------------------------------------------------

    def add(self, names: Iterable[str], by: str = "") -> None:
        """It changes these, by a statement."""
        if by and len(self._statements) < _TOLD:
            self._statements.append(by[:_LONG])
        if not self.wrote:
            self.wrote = True
            track(self)  # hits look closer from now on
            if current.get() is not self:
                self.enter()
        self._frames[-1][1].add(names)

    def savepoint(self, name: str, *, outermost: bool = False) -> None:
        """What comes now can be undone by itself; `outermost`: the transaction began with it."""
        self._outermost = self._outermost or outermost
        self._frames.append((name, Bounded(self.database.name, marks=True)))

    def ends_with(self, name: str) -> bool:
        """Whether releasing this savepoint commits the transaction."""
        return self._outermost and self._index(name) == 1

    def release(self, name: str) -> None:
        """What was done since this savepoint belongs to what was before it."""
        frames = self._since(name)
        for _, bounded in frames:
            self._frames[-1][1].add(bounded.names())

    def rollback_to(self, name: str) -> None:
        """What was done since this savepoint is undone; the savepoint stays."""
        if self._since(name):
            self.savepoint(name)

    def _since(self, name: str) -> list[tuple[str, Bounded]]:
        """Take away what was done since the last savepoint of this name, if there is one."""
        index = self._index(name)
        if index is None:
            return []
        frames = self._frames[index:]
        del self._frames[index:]
        return frames

    def _index(self, name: str) -> int | None:
        found = (at for at in range(len(self._frames) - 1, 0, -1) if self._frames[at][0] == name)
        return next(found, None)

    def names(self) -> tuple[str, ...]:
        """The tags of all that it changes."""
        return tuple(dict.fromkeys(name for _, bounded in self._frames for name in bounded.names()))

    def intended(self) -> tuple[int, ...]:
        """The ledgers, by their epochs, that know what it is about to change: there it is announced, whoever dies."""
        return tuple(ledger.epoch for ledger, _ in self._intents)

    # -- its end ------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Write intents: from here on a crash of this process loses no invalidation.

        Raises:
            BackendError: A ledger of a `strict` cache doesn't answer: it must not be committed.
        """
        await self._settle(announce=False)  # of a COMMIT that failed
        names = (*self.names(), *self._by_hand)
        if not names:
            return
        self._intended = frozenset(names)
        tags = [hashed(name) for name in names]
        for group in list(capturing.by_ledger()):
            try:
                self._intents.append((group[0].ledger, await group[0].ledger.intend(tags)))
            except BackendError as error:
                await self._not_intended(group, error)

    async def _not_intended(self, group: Sequence[Engine], error: BackendError) -> None:
        """Without an intent, a crash might lose an invalidation: `strict` would rather not have the change."""
        if any(engine.consistency == "strict" for engine in group):
            await self._settle(announce=False)
            raise error
        group[0].bypassed("", error)

    async def commit(self, names: Sequence[str] | None = None) -> None:
        """The change is made: announce it everywhere. When this returns, no reader gets an older value.

        Args:
            names: What has changed, if that is known better now than when the intent was written.

        Raises:
            NotInvalidated: Somewhere it couldn't be announced.
        """
        self._ended = True
        await self._end((*(self.names() if names is None else names), *self._by_hand))

    async def rollback(self) -> None:
        """Nothing was changed."""
        self._ended = True
        await self._end(tuple(self._by_hand))

    async def _end(self, names: Sequence[str]) -> None:
        try:
            await self._announce(names)
        except Exception:
            raise
        except BaseException:
            # The task was cancelled. What is made has to be said all the same, if need be by blocking.
            self._intended = frozenset()
            drive(self._announce(names))
            raise
        finally:
            self._leave()

    async def _announce(self, names: Sequence[str]) -> None:
        """Mark these in every ledger that is open now, and clear the intents."""
        trouble: BackendError | None = None
        exact = frozenset(names) == self._intended
        tags = [hashed(name) for name in names]
        for group in list(capturing.by_ledger()):
            ledger = group[0].ledger
            intent = next((each for each in self._intents if same_ledger(each[0], ledger)), None)
            try:
                if intent is not None and exact:
                    await ledger.settle(intent[1], announce=True)
                    self._intents.remove(intent)
                elif tags:
                    await ledger.announce(tags)
            except BackendError as error:
                trouble = error
            _tell(group, names, self._statements)
        while self._intents:
            # That of a cache which was closed meanwhile, or of which more was known in the end.
            await _quietly(*self._intents.pop())
        if trouble is not None:
            raise NotInvalidated(f"a change was made, but not announced everywhere: {trouble}") from trouble

    async def _settle(self, *, announce: bool) -> None:
        intents, self._intents = self._intents, []
        for ledger, number in intents:
            await ledger.settle(number, announce=announce)

    def _leave(self) -> None:
        if self.wrote:
            untrack(self)
        if current.get() is self:
            current.set(_innermost_open(self.outer))


async def _quietly(ledger: Ledger, number: int) -> None:
    try:
        await ledger.settle(number, announce=False)
    except BackendError:
        return  # whoever finds the intent announces it


def _tell(group: Sequence[Engine], names: Sequence[str], statements: Sequence[str]) -> None:
    for engine in group:
        if names:
            engine.announced(names, "captured", tuple(statements))


def _innermost_open(transaction: Unfinished | None) -> Unfinished | None:
    while transaction is not None and not transaction.open:
        transaction = transaction.outer
    return transaction
