"""Both ledgers, as the engine sees them, apart from what the contract asks of every ledger."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from ledger_tools import A, B, C, announce, held, intend, machine, settle, valid

from afresh.backends.file.ledger.machine import MachineLedger
from afresh.backends.memory.ledger import MemoryLedger
from afresh.core.words import BEGIN
from afresh.errors import NotInvalidated
from afresh.runtime.drive import drive

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

# -- in this process's memory -----------------------------------------------------------------------


def test_every_move_is_told_before_its_write_returns() -> None:
    told: list[int] = []
    ledger = MemoryLedger(told.append)
    assert told == [ledger.position()]
    announce(ledger, A, B)
    number = intend(ledger, C)
    settle(ledger, number, announced=False)
    ledger.tick()
    assert told == sorted(set(told))
    assert len(told) == 5
    assert told[-1] is ledger.position(), "hits compare by identity"


def test_a_proof_at_the_present_position_is_the_very_object_that_hits_compare_with() -> None:
    ledger = MemoryLedger(lambda _: None)
    since = ledger.position()
    announce(ledger, A)
    proof = ledger.prove(frozenset([B]), since)
    assert proof is not None
    assert proof.at is ledger.position()


def test_a_tick_marks_nothing() -> None:
    ledger = MemoryLedger(lambda _: None)
    since = ledger.position()
    assert ledger.tick() == since + 1
    assert valid(ledger, A, since)


def test_a_listener_that_fails_leaves_the_ledger_unlocked() -> None:
    fail = [False]

    def moved(position: int) -> None:
        if fail[0]:
            raise RuntimeError("a listener")

    ledger = MemoryLedger(moved)
    since = ledger.position()
    fail[0] = True
    with pytest.raises(RuntimeError):
        announce(ledger, A)
    fail[0] = False
    assert not valid(ledger, A, since)
    announce(ledger, B)


def test_too_many_intents_are_refused_loudly() -> None:
    ledger = MemoryLedger(lambda _: None, cells=1)
    intend(ledger, A)
    with pytest.raises(NotInvalidated):
        intend(ledger, B)


def in_child(work: object) -> int:
    """Run a function in a forked child; its exit status."""
    pid = os.fork()
    if pid == 0:
        try:
            work()  # type: ignore[operator]
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_child_of_a_busy_process_goes_on_alone() -> None:
    ledger = MemoryLedger(lambda _: None)
    number = intend(ledger, C)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            announce(ledger, A)

    thread = threading.Thread(target=write)
    thread.start()

    def child() -> None:
        since = ledger.position()
        assert valid(ledger, B, since)
        announce(ledger, B)
        assert not valid(ledger, B, since)
        assert held(ledger, C), "the parent is about to change it"
        assert not valid(ledger, C, since), "and nobody here will be told when"
        assert not held(ledger, C)

    try:
        assert [in_child(child) for _ in range(5)] == [0] * 5
    finally:
        stop.set()
        thread.join()
    assert held(ledger, C), "what a child does is nothing to its parent"
    settle(ledger, number)


# -- the machine's ----------------------------------------------------------------------------------


def test_hits_compare_with_a_word_that_moves_in_every_process(tmp_path: Path) -> None:
    one, two = machine(tmp_path), machine(tmp_path)
    assert one.words.format == two.words.format == "Q", "each word is read and written whole"
    before = two.words[MachineLedger.begin]
    assert announce(one, A) == two.words[MachineLedger.begin] == before + 1 == two.position()
    assert not valid(two, A, before)
    assert valid(two, B, before)
    assert two.epoch == one.epoch


def test_an_intent_holds_in_every_process_until_it_is_settled(tmp_path: Path) -> None:
    one, two = machine(tmp_path), machine(tmp_path)
    since = two.position()
    number = intend(one, A)
    assert held(two, A)
    assert not held(two, B)
    assert valid(two, A, since)
    settle(one, number)
    assert not held(two, A)
    assert not valid(two, A, since)


def test_the_intents_of_whoever_ends_are_announced_by_the_others(tmp_path: Path) -> None:
    one, two = machine(tmp_path), machine(tmp_path)
    since = two.position()
    intend(one, A)
    one.close()
    assert held(two, A), "whoever asks first is the one to find out"
    assert not valid(two, A, since)
    assert not held(two, A)
    assert valid(two, B, since)


def test_when_no_cell_is_free_the_dead_make_room(tmp_path: Path) -> None:
    one, two = machine(tmp_path), machine(tmp_path, max_stale=60.0)
    since = two.position()
    for tag in range(1, 5):
        intend(one, tag)
    with pytest.raises(NotInvalidated, match="room"):
        intend(two, A)
    one.close()
    intend(two, A)
    assert not valid(two, 1, since)


def test_a_closed_ledger_refuses_to_write_and_its_words_stay(tmp_path: Path) -> None:
    ledger, other = machine(tmp_path), machine(tmp_path)
    ledger.close()
    ledger.close()
    with pytest.raises(NotInvalidated, match="closed"):
        announce(ledger, A)
    announce(other, A)
    assert ledger.words[BEGIN] == other.position()


def test_a_writer_that_interrupts_itself_is_told_instead_of_waiting_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afresh.backends.file.ledger.writer_lock._STUCK", 0.01)
    ledger = machine(tmp_path)
    with ledger._locked(ledger._mapping), pytest.raises(NotInvalidated, match="already"):
        announce(ledger, A)
    announce(ledger, A)


def test_on_another_processor_readers_take_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = machine(tmp_path)
    taken: list[str] = []
    original = type(ledger._mapping.lock).held

    def held_(self, *arguments):  # type: ignore[no-untyped-def]
        taken.append("lock")
        return original(self, *arguments)

    monkeypatch.setattr(type(ledger._mapping.lock), "held", held_)
    since = ledger.position()
    ledger.prove(frozenset([A]), since)
    assert taken == []
    monkeypatch.setattr("afresh.backends.file.ledger.machine._ORDERED", False)
    assert ledger.position() == since
    assert ledger.prove(frozenset([A]), since) is not None
    assert taken == ["lock", "lock"]


def test_threads_that_write_at_once_lose_no_mark(tmp_path: Path) -> None:
    ledgers = [machine(tmp_path, slots=64, ring=1024) for _ in range(2)]
    since = ledgers[0].position()
    tags = range(1, 201)

    def write(which: int) -> None:
        for tag in tags:
            if tag % 4 == which:
                announce(ledgers[which % 2], tag)

    threads = [threading.Thread(target=write, args=(which,)) for which in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledgers[0].position() == since + len(tags)
    assert not any(valid(ledgers[0], tag, since) for tag in tags)
    assert valid(ledgers[0], 10**6, since)


def test_two_thousand_tags_are_proven_in_a_few_microseconds(tmp_path: Path) -> None:
    """A generous bound, best of many: it fails when the proof looks at every tag (120 µs)."""
    ledger = MachineLedger(tmp_path)
    tags = frozenset(range(1, 2_001))
    since = ledger.position()
    announce(ledger, *range(10_000, 10_010))

    def took() -> float:
        began = time.perf_counter()
        ledger.prove(tags, since)
        return time.perf_counter() - began

    assert min(took() for _ in range(300)) < 30e-6


def test_confirming_reaches_the_position(tmp_path: Path) -> None:
    one, two = machine(tmp_path), machine(tmp_path)
    at = announce(one, A)
    assert drive(two.confirm()) == at


def test_on_another_processor_a_stopped_holder_is_left_behind_by_readers_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afresh.backends.file.ledger.machine._ORDERED", False)
    stopped, reader = machine(tmp_path), machine(tmp_path, patience=0.01)
    since = reader.position()
    with stopped._locked(stopped._mapping):
        assert not valid(reader, A, since)
        assert reader.position() > since
    assert valid(reader, A, reader.position())
    announce(stopped, A)
    assert not valid(reader, A, since)
    assert stopped.epoch == reader.epoch
