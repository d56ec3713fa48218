"""One ledger file takes over from another, in every order: real files, real locks, the explorer's order.

A writer with the lock, a process that leaves it behind, and one that opens the ledger and loads in
between. Whoever loads before a change must not go on with what it has when the change was announced.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger_tools import A, B, announce, intend, machine, settle

from afresh.backends.file.ledger import generations as generations_room
from afresh.backends.file.ledger.generations import Generations
from afresh.backends.file.ledger.machine import MachineLedger
from afresh.backends.file.ledger.mapping import Mapping
from afresh.core.log import Log
from afresh.testing.actors import pause_here
from afresh.testing.explorer import ScheduleFailed, explore
from afresh.testing.world import World
from sizes import seed, size

pytestmark = pytest.mark.orders

PREEMPTIONS = size(2, 3)
LIMIT = size(400, 20_000)


def paused(label: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def stops(*arguments: Any, **options: Any) -> Any:
        pause_here(label)
        return function(*arguments, **options)

    return stops


@pytest.fixture(autouse=True)
def _stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let others go first before each step that another process could notice."""
    monkeypatch.setattr("afresh.backends.file.ledger.machine._log", logging.getLogger("afresh.unheard"))
    logging.getLogger("afresh.unheard").disabled = True
    for room, name in (
        (Mapping, "condemn"),
        (Mapping, "shut"),
        (Mapping, "trouble_now"),
        (Generations, "_newest"),
        (generations_room, "link"),
        (Log, "publish"),
        (Log, "finish"),
    ):
        monkeypatch.setattr(room, name, paused(name.strip("_"), getattr(room, name)))


ROOT: list[str] = []
OPEN: list[MachineLedger] = []


def close_all() -> None:
    """Give back the descriptors of the world before."""
    while OPEN:
        OPEN.pop().close()


class Shared:
    """A folder, a value in a database, and the processes that are at it."""

    def __init__(self) -> None:
        close_all()
        self.folder = Path(tempfile.mkdtemp(dir=ROOT[0]))
        self.version = self.acknowledged = 0

    def process(self) -> MachineLedger:
        OPEN.append(machine(self.folder, slots=2, ring=4, cells=1, patience=0.0, max_stale=3600.0))
        return OPEN[-1]

    def change(self, ledger: MachineLedger) -> None:
        self.version += 1
        version = self.version
        announce(ledger, A)
        self.acknowledged = max(self.acknowledged, version)

    def commit(self, ledger: MachineLedger) -> int:
        number = intend(ledger, A)
        pause_here("commit")
        self.version += 1
        return number

    def transact(self, ledger: MachineLedger) -> None:
        settle(ledger, self.commit(ledger))
        self.acknowledged = self.version


class Reader:
    """A process that opens the ledger, loads once, and reads again."""

    def __init__(self, shared: Shared, ledger: MachineLedger | None = None, *, strict: bool = False) -> None:
        self.shared = shared
        self.ledger = ledger
        self.strict = strict
        self.value = self.stamp = -1

    def run(self) -> None:
        pause_here("open")
        if self.ledger is None:
            self.ledger = self.shared.process()
        self.stamp = self.ledger.position()
        pause_here("load")
        loaded = self.shared.version
        proof = self.ledger.prove(frozenset([A]), self.stamp)
        if proof is None or proof.held:
            return
        self.value = loaded
        pause_here("read again")
        self.read()

    def read(self) -> None:
        """As a hit does: the comparison first, and the proof where it fails."""
        if self.ledger is None or self.value < 0:
            return
        least = self.shared.version if self.strict else self.shared.acknowledged
        hit = self.stamp == self.ledger.words[MachineLedger.begin]
        if not hit:
            proof = self.ledger.prove(frozenset([A]), self.stamp)
            hit = proof is not None and not (proof.held and self.strict)
        assert not hit or self.value >= least, f"read version {self.value} after {least}"


@pytest.fixture(autouse=True)
def _root(tmp_path: Path) -> Iterator[None]:
    ROOT[:] = [str(tmp_path)]
    yield
    close_all()


def succession(*, known: bool = False, write: str = "change") -> Callable[[], World]:
    """A writer, a process that judges the file to be lost, and a reader who opens it late (or early)."""

    def world() -> World:
        shared = Shared()
        writer, judge = shared.process(), shared.process()
        reader = Reader(shared, shared.process() if known else None, strict=write != "change")

        def replace() -> None:
            judge._follow(judge._mapping, "judged to be lost")

        return World(
            {"writer": lambda: getattr(shared, write)(writer), "judge": replace, "reader": reader.run},
            reader.read,
        )

    return world


@pytest.mark.parametrize("write", ["change", "commit", "transact"])
@pytest.mark.parametrize("known", [False, True])
def test_no_invalidation_is_lost_while_another_file_takes_over(known: bool, write: str) -> None:
    world = succession(known=known, write=write)
    assert explore(world, preemptions=PREEMPTIONS, limit=LIMIT, seed=seed()).schedules > 100


def test_nor_when_two_judge_at_once_or_one_dies_of_it() -> None:
    def world() -> World:
        shared = Shared()
        writer, one, two = (shared.process() for _ in range(3))
        reader = Reader(shared)

        def check() -> None:
            reader.read()
            announce(one, B)
            assert one.epoch == shared.process().epoch

        return World(
            {
                "writer": lambda: shared.change(writer),
                "judge": lambda: one._follow(one._mapping, "judged to be lost"),
                "other judge": lambda: two._follow(two._mapping, "judged to be lost"),
                "reader": reader.run,
            },
            check,
        )

    explore(world, kills=1, preemptions=1, limit=LIMIT, seed=seed())


def condemned_after_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a successor before the old file's writers can know."""
    condemn, shut = Mapping.condemn, Mapping.shut
    monkeypatch.setattr(Mapping, "condemn", lambda self: None)
    monkeypatch.setattr(Mapping, "shut", lambda self: (condemn(self), shut(self)))


def not_looked_at_after_the_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer looks whether its file was replaced before it writes only."""
    monkeypatch.setattr(Mapping, "trouble_now", lambda self: "")


def old_words_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hits against the old words go on succeeding."""
    monkeypatch.setattr(Mapping, "shut", lambda self: None)


def numbers_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new epoch begins with the old one's numbers."""
    monkeypatch.setattr("time.time_ns", lambda: 1_000_000)
    monkeypatch.setattr(Mapping, "last_number", lambda self: 0)


DEFECTS = {
    "condemned after the link": (condemned_after_the_link, succession()),
    "not looked at after the write": (not_looked_at_after_the_write, succession(write="commit")),
    "old words left open": (old_words_left_open, succession(known=True)),
    "numbers not raised": (numbers_not_raised, succession(known=True)),
}


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS)
def test_defect_is_caught(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put_back, world = DEFECTS[defect]
    put_back(monkeypatch)
    with pytest.raises(ScheduleFailed):
        explore(world, preemptions=3, limit=20_000, seed=seed())
