"""Two machines and their processes in every order: no stale read; and each defect that this closes is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from replica_models import Memory, Parts, World

from afresh.backends.replica import copies as making
from afresh.backends.replica.channel import Channel
from afresh.backends.replica.copy import Copy, fresh_stamp
from afresh.backends.replica.header import HIT, PENDING
from afresh.backends.replica.ledger import ReplicaLedger
from afresh.backends.replica.remote import Passage, Record
from afresh.core.words import BEGIN, GIVEN
from afresh.testing.explorer import ScheduleFailed, explore
from afresh.testing.world import World as Explored
from sizes import seed, size

pytestmark = pytest.mark.orders

PREEMPTIONS = size(2, 3)
LIMIT = size(400, 20_000)
Scenario = Callable[[Parts], Callable[[], Explored]]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "RING", 16)
    monkeypatch.setattr(making, "CELLS", 4)


def bounded(parts: Parts) -> Callable[[], Explored]:
    """What another machine announced is seen within the bound, whether it is heard or not."""

    def scenario() -> Explored:
        world = World(parts)
        here, there = world.process("here"), world.process("there")
        here.memory.filled()
        return world.explored(
            here.read,
            reader=lambda: here.read(2),
            follower=here.hear,
            writer=there.write,
            clock=lambda: world.later(),
        )

    return scenario


def cut_off(parts: Parts) -> Callable[[], Explored]:
    """Nothing is heard at all."""

    def scenario() -> Explored:
        world = World(parts)
        here, there = world.process("here"), world.process("there")
        here.memory.filled()
        here.log.cut = True
        return world.explored(
            here.read, reader=lambda: here.read(2), writer=there.write, clock=lambda: world.later()
        )

    return scenario


def gap(parts: Parts) -> Callable[[], Explored]:
    """The message with the mark is lost, the one after it arrives."""

    def lost(passage: Passage) -> Passage:
        return passage._replace(records=passage.records[1:])

    def scenario() -> Explored:
        world = World(parts)
        here, there = world.process("here"), world.process("there")
        here.memory.filled()
        answers = iter([lost])
        here.log.garble = lambda passage: next(answers, lambda same: same)(passage)

        def writer() -> None:
            there.write()
            there.noise()
            world.later()

        return world.explored(here.read, follower=here.hear, reader=here.read, writer=writer)

    return scenario


def one_machine(parts: Parts) -> Callable[[], Explored]:
    """Another process of the machine announces, while the record before it comes from elsewhere."""

    def scenario() -> Explored:
        world = World(parts)
        here, writing, there = world.process("here"), world.process("here"), world.process("there")
        here.memory.filled()
        return world.explored(
            here.read,
            reader=lambda: here.read(2),
            writer=writing.write,
            elsewhere=there.noise,
            follower=here.hear,
        )

    return scenario


def loading(parts: Parts) -> Callable[[], Explored]:
    """The copy is loaded anew while a process of the machine announces."""

    def scenario() -> Explored:
        world = World(parts)
        here, writing, there = world.process("here"), world.process("here"), world.process("there")
        here.memory.filled()
        there.noise()
        world.server.trim()
        there.noise()
        return world.explored(here.read, writer=writing.write, follower=here.hear, reader=here.read)

    return scenario


def loading_needlessly(parts: Parts) -> Callable[[], Explored]:
    """One process loads anew what another could go on with: what it heard was damaged."""

    def scenario() -> Explored:
        world = World(parts)
        here, writing, there = world.process("here"), world.process("here"), world.process("there")
        here.memory.filled()
        there.noise()
        here.log.garble = lambda passage: passage._replace(to=passage.to._replace(at=0))
        return world.explored(here.read, writer=writing.write, follower=here.hear)

    return scenario


def rechecking(parts: Parts) -> Callable[[], Explored]:
    """The position has moved, so an entry is looked at closer, while it moves once more."""

    def scenario() -> Explored:
        world = World(parts)
        here, writing = world.process("here"), world.process("here")
        here.memory.filled()
        writing.noise()
        return world.explored(here.read, reader=lambda: here.read(2), writer=writing.write)

    return scenario


def strict(parts: Parts) -> Callable[[], Explored]:
    """Every read confirms."""

    def scenario() -> Explored:
        world = World(parts)
        here, there = world.process("here", strict=True), world.process("there")
        here.memory.filled()
        return world.explored(
            here.read,
            reader=lambda: here.read(2),
            follower=here.hear,
            writer=there.write,
            elsewhere=there.noise,
        )

    return scenario


def filling(parts: Parts) -> Callable[[], Explored]:
    """A load is under way while the change is made."""

    def scenario() -> Explored:
        world = World(parts)
        here, writing = world.process("here"), world.process("here")
        return world.explored(
            here.read, reader=lambda: here.read(2), writer=writing.write, follower=here.hear
        )

    return scenario


def undelivered(parts: Parts) -> Callable[[], Explored]:
    """The server writes nothing for a while."""

    def scenario() -> Explored:
        world = World(parts)
        here, writing = world.process("here"), world.process("here")
        here.memory.filled()
        world.server.refuses = True

        def writer() -> None:
            writing.write()
            world.server.refuses = False
            writing.hear()

        return world.explored(here.read, reader=lambda: here.read(2), writer=writer)

    return scenario


def kept_while_loading(parts: Parts) -> Callable[[], Explored]:
    """An invalidation is kept while another process puts a new copy in place."""

    def scenario() -> Explored:
        world = World(parts)
        here, writing, there = world.process("here"), world.process("here"), world.process("there")
        here.memory.filled()
        there.noise()
        world.server.trim()
        there.noise()
        world.server.refuses = True
        return world.explored(here.read, writer=writing.write, follower=here.hear, reader=here.read)

    return scenario


SCENARIOS: dict[str, Scenario] = {
    each.__name__: each
    for each in (
        bounded, cut_off, gap, one_machine, loading, loading_needlessly, rechecking, strict, filling,
        undelivered, kept_while_loading,
    )
}  # fmt: skip


@pytest.mark.parametrize("kills", [0, 1])
@pytest.mark.parametrize("name", SCENARIOS)
def test_no_read_is_staler_than_it_may_be(name: str, kills: int) -> None:
    explored = explore(
        SCENARIOS[name](Parts()), kills=kills, preemptions=PREEMPTIONS, limit=LIMIT, seed=seed()
    )
    assert explored.schedules > 10


# -- defects ---------------------------------------------------------------------------------------------


class AppliesWithAGap(Channel):
    def apply(self, copy: Copy, records: Sequence[Record]) -> bool:
        """What is missing is passed over."""
        for record in records:
            with copy.held():
                given = copy.words[GIVEN]
                if record.last > given:
                    copy.words[HIT] = 0
                    copy.log.publish([0] * (record.first - 1 - given))
                    copy._write(record)
                    copy._open_hits()
        return True


class ServesUnproven(ReplicaLedger):
    def _heard(self, copy: Copy) -> bool:
        """Nobody asks when the server was heard of."""
        return True


class HeardWhenAnswered(Channel):
    def take_in(self, copy: Copy, after: object, passage: Passage, began: float) -> bool:
        """An answer counts from when it is looked at."""
        return super().take_in(copy, after, passage, self._now())  # type: ignore[arg-type]


class HeardThoughBehind(Channel):
    def take_in(self, copy: Copy, after: object, passage: Passage, began: float) -> bool:
        """That the server answers is enough."""
        taken = super().take_in(copy, after, passage, began)  # type: ignore[arg-type]
        copy.heard(began)
        return taken


class ReturnsBeforeItIsSeen(Channel):
    async def write(self, what, tags, *, intent=0, owner=0):  # type: ignore[no-untyped-def, override]
        """The server has it: that is enough."""
        _, record = await self._remote.append(what, tuple(tags), known=self.known())
        return record


class LoadsBeforeCondemning(Channel):
    async def load(self, faulty: Copy | None, why: str) -> Copy:
        """The snapshot is asked for while others still write to the old copy."""
        if faulty is None:
            return await super().load(faulty, why)
        number, known = faulty.number + 1, self.known()
        snapshot = await self._remote.load(known)
        faulty.condemn()
        copy = self._copies.put(number, snapshot, self._now())
        faulty.shut()
        if copy is not None:
            self._adopt(copy)
            self.look_at_spool(copy)
        found = self.find()
        assert found is not None
        return found


class ForgetsTheSpool(Channel):
    def look_at_spool(self, copy: Copy) -> bool:
        """A new copy begins with nothing waiting."""
        if copy.words[PENDING]:
            with copy.held():
                copy.words[PENDING] = 0
                copy._open_hits()
        return True


class HitsStayOpen(ReplicaLedger):
    def _show_spool(self) -> None:
        """Whoever looks finds it in the spool; hits don't look."""
        copy = self._channel.copy()
        if copy is not None:
            copy.words[PENDING] = fresh_stamp()


class SpoolReadLast(ReplicaLedger):
    def prove(self, tags: frozenset[int], since: int):  # type: ignore[no-untyped-def]
        """What waits is looked at after the position."""
        copy = self._channel.copy()
        if copy is None or not self._heard(copy):
            return None
        proven = copy.intents.prove(tags, since)
        if proven is None or self._waits(copy, tags) or not copy.alive():
            return None
        from afresh.core.ports import Proof

        return Proof(*proven)


class CheckedAtThePresentPosition(Memory):
    def recheck(self) -> bool:
        """`checked_at` is the position of now, not the one that was proven."""
        proof = self.ledger.prove(self.tags, self.checked_at)
        if proof is not None:
            self.checked_at = self.ledger.cell.cell_contents[BEGIN]
        return proof is not None


class StampedAfterTheLoad(Memory):
    def load(self) -> int:
        """The position of after the load."""
        value = self.database.read()
        self.value, self.checked_at = value, self.ledger.position()
        return value


class ConfirmsNothing(ReplicaLedger):
    async def confirm(self) -> int:
        """The server is asked, and what it says is not waited for."""
        await self._remote.confirm(self._channel.known())
        return self.position()


DEFECTS: dict[str, tuple[dict[str, object], Scenario]] = {
    "a record is applied with a gap before it": ({"channel": AppliesWithAGap}, gap),
    "served without a proof that the server lives": ({"ledger": ServesUnproven}, cut_off),
    "an answer counts from when it arrived": ({"channel": HeardWhenAnswered}, bounded),
    "announce returns before its mark is seen": ({"channel": ReturnsBeforeItIsSeen}, one_machine),
    "a snapshot is asked for before the old copy is condemned": (
        {"channel": LoadsBeforeCondemning},
        loading_needlessly,
    ),
    "a new copy forgets what waits": ({"channel": ForgetsTheSpool}, kept_while_loading),
    "hits stay open while something waits": ({"ledger": HitsStayOpen}, undelivered),
    "the spool is looked at after the position": ({"ledger": SpoolReadLast}, undelivered),
    "checked_at = the present g": ({"memory": lambda self: CheckedAtThePresentPosition}, rechecking),
    "the stamp is read after the load": ({"memory": lambda self: StampedAfterTheLoad}, filling),
    "a confirmation is not waited for": ({"ledger": ConfirmsNothing}, strict),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_defect_is_found(defect: str) -> None:
    changed, scenario = DEFECTS[defect]
    with pytest.raises(ScheduleFailed) as caught:
        explore(scenario(type("Defective", (Parts,), changed)()), preemptions=2, limit=20_000, seed=seed())
    assert isinstance(caught.value.__cause__, AssertionError)
