"""A server's log in memory, obviously right, with every fault that a real one and the way to it have.

::

    server = Server()
    one, other = server.connect(), server.connect()      # a RemoteLog each, as two machines have them
    server.down = True                                    # nobody is answered
    one.cut = True                                        # this one is not
    one.lose_answers = 1                                  # the next append is done, and its answer lost
    one.garble = lambda passage: …                        # what it is told, changed: lost, doubled, late
    server.trim()                                         # the log begins here; slots tell the rest
    saved = server.save(); …; server.restore(saved)       # a restart from a snapshot
    server.begin_anew()                                   # a new epoch
    server.hold(3)                                        # records from this number on are not shown yet

Under the explorer each call stops before it is done, and once more before its answer arrives.
"""

from __future__ import annotations

import copy
import threading
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from afresh.backends.replica.remote import (
    NOWHERE,
    Passage,
    Position,
    Record,
    Snapshot,
    What,
    numbers,
)
from afresh.errors import BackendError
from afresh.testing.actors import pause_here

START = 1_000
ROOM = 64  # intents that may stand


@dataclass
class State:
    """What a snapshot of the server holds."""

    epoch: int
    at: int
    floor: int
    slots: list[int]
    records: list[Record] = field(default_factory=list)
    intents: dict[tuple[int, int], Record] = field(default_factory=dict)


class Server:
    """The log, and what everybody who is connected to it shares.

    Attributes:
        state: Everything that a restart could lose.
        down: It answers nobody.
        refuses: It answers, but writes nothing.
        most: Records in one answer.
        asked: How often each method was called.
    """

    def __init__(self, *, slots: int = 256, keeps_slots: bool = True) -> None:
        self.slots = slots
        self.keeps_slots = keeps_slots
        self.down = False
        self.refuses = False
        self.most = 4_096
        self.asked: dict[str, int] = {}
        self.changed = threading.Condition()
        self.state = State(0, 0, 0, [])
        self._held_from: int | None = None
        self._begun = 0
        self.begin_anew()

    def connect(self) -> Log:
        """The log as one machine has it."""
        return Log(self)

    # -- what happens to servers ----------------------------------------------------------------

    def begin_anew(self, above: int = 0) -> None:
        """Begin a new epoch, above every number that is known."""
        self._begun += 1
        start = max(START, self.state.at, above) + 1_000
        self.state = State(0xE0 + self._begun, start, start, [start] * self.slots)
        self._held_from = None

    def trim(self) -> None:
        """Let the log begin here."""
        self.state.records.clear()

    def save(self) -> State:
        """Take a snapshot."""
        return copy.deepcopy(self.state)

    def restore(self, saved: State) -> None:
        """Restart from a snapshot."""
        self.state = copy.deepcopy(saved)

    def hold(self, first: int) -> None:
        """Show no records from this number on: the one that has it is still being written."""
        self._held_from = first

    def show(self) -> None:
        """End `hold`."""
        with self.changed:
            self._held_from = None
            self.changed.notify_all()

    # -- what is asked of it --------------------------------------------------------------------

    def judge(self, known: Position) -> None:
        """Begin a new epoch where somebody has seen more than there is."""
        state = self.state
        elsewhere = known.epoch not in {0, state.epoch}
        if known != NOWHERE and (known.at > state.at or (elsewhere and known.at == state.at)):
            self.begin_anew(known.at)

    def load(self) -> Snapshot:
        state = self.state
        slots = array("Q", state.slots).tobytes() if self.keeps_slots else None
        floor = state.floor if self.keeps_slots else state.at
        return Snapshot(self.position(), floor, slots, tuple(state.intents.values()))

    def append(self, what: What, tags: Sequence[int], intent: int, owner: int) -> Record:
        state = self.state
        if self.refuses or (what is What.INTENT and len(state.intents) >= ROOM):
            raise BackendError("OOM: it writes nothing now")
        with self.changed:
            first = state.at + 1
            state.at += numbers(what, tags)
            record = Record(first, state.at, what, tuple(tags), intent, owner)
            state.records.append(record)
            self._index(record)
            self.changed.notify_all()
        return record

    def _index(self, record: Record) -> None:
        state = self.state
        if record.what in {What.MARK, What.SETTLE}:
            for number, tag in enumerate(record.tags, record.first):
                state.slots[tag % self.slots] = number
        if record.what is What.INTENT:
            state.intents[record.first, record.owner] = record
        if record.what is What.SETTLE:
            state.intents.pop((record.intent, record.owner), None)
        if record.what is What.EVERYTHING:
            state.floor = record.first

    def read(self, after: Position) -> Passage:
        records = [record for record in self.state.records if record.last > after.at]
        if self._held_from is not None:
            records = [record for record in records if record.first < self._held_from]
        return Passage(self.position(), tuple(records[: self.most]))

    def position(self) -> Position:
        return Position(self.state.epoch, self.state.at)


class Log:
    """`RemoteLog` over a `Server`.

    Attributes:
        cut: The way to the server is cut.
        lose_answers: So many of the next appends are done, and their answers lost.
        garble: Changes what it is told of the log.
        waits: `follow` waits for news; `False` under the explorer.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.slots = server.slots
        self.cut = False
        self.lose_answers = 0
        self.garble: Callable[[Passage], Passage] = lambda passage: passage
        self.waits = True
        self.closed = False

    async def load(self, known: Position) -> Snapshot:
        self._ask("load")
        self.server.judge(known)
        return self._answer("load", self.server.load())

    async def append(
        self, what: What, tags: Sequence[int], *, known: Position, intent: int = 0, owner: int = 0
    ) -> tuple[Position, Record]:
        self._ask("append")
        self.server.judge(known)
        record = self.server.append(what, tags, intent, owner)
        if self.lose_answers:
            self.lose_answers -= 1
            raise BackendError("the answer was lost")
        return self._answer("append", (self.server.position(), record))

    async def read(self, after: Position) -> Passage:
        self._ask("read")
        self.server.judge(after)
        return self._answer("read", self.garble(self.server.read(after)))

    async def confirm(self, known: Position) -> Position:
        self._ask("confirm")
        self.server.judge(known)
        return self._answer("confirm", self.server.position())

    def follow(self, after: Position, wait: float) -> Passage:
        self._ask("follow")
        self.server.judge(after)
        if self.waits:
            self._wait_for_news(after, wait)
            self._check()
        return self._answer("follow", self.garble(self.server.read(after)))

    def _wait_for_news(self, after: Position, wait: float) -> None:
        end = time.monotonic() + wait
        with self.server.changed:
            while not self.closed and not self.cut and not self.server.down:
                passage = self.server.read(after)
                left = end - time.monotonic()
                if passage.records or passage.to.epoch != after.epoch or left <= 0:
                    return
                # Faults are set without telling anybody, so nobody waits for long.
                self.server.changed.wait(min(left, 0.05))

    def _ask(self, what: str) -> None:
        self.server.asked[what] = self.server.asked.get(what, 0) + 1
        pause_here(f"{what} is asked")
        self._check()

    def _answer(self, what, answer):  # type: ignore[no-untyped-def]
        pause_here(f"{what} is answered")
        return answer

    def _check(self) -> None:
        if self.closed:
            raise BackendError("it is closed")
        if self.cut or self.server.down:
            raise BackendError("no answer in time")

    def close(self) -> None:
        self.closed = True
        with self.server.changed:
            self.server.changed.notify_all()
