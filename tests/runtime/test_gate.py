"""The cells that hits compare with."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from afresh import Cache, tag
from afresh.runtime import gate as gate_module
from afresh.runtime import ticker
from afresh.runtime.gate import Gate, Shut, track, untrack
from afresh.runtime.ticker import Ticker


@pytest.fixture
def gate():
    gate = Gate()
    gate.moved(1000)
    gate.tick(5.0)
    return gate


def is_open(gate):
    assert (gate.position_cell.cell_contents is None) == (gate.clock_cell.cell_contents == math.inf)
    return gate.position_cell.cell_contents is not None


def test_a_new_gate_is_shut_until_the_clock_ticks():
    gate = Gate()
    gate.moved(1000)
    assert not is_open(gate)
    gate.tick(5.0)
    assert (gate.position_cell.cell_contents, gate.clock_cell.cell_contents) == (1000, 5.0)


def test_every_reason_must_be_taken_back(gate):
    gate.shut(Shut.MODE)
    gate.shut(Shut.PARKED)
    gate.open(Shut.MODE)
    assert not is_open(gate)
    gate.tick(6.0)
    assert is_open(gate)


def test_a_move_while_shut_is_seen_after_opening(gate):
    gate.shut(Shut.MODE)
    gate.moved(2000)
    assert not is_open(gate)
    gate.open(Shut.MODE)
    assert gate.position_cell.cell_contents == 2000


def test_an_open_cell_holds_the_position_object_itself(gate):
    assert gate.position_cell.cell_contents is gate.position
    gate.shut(Shut.MODE)
    gate.open(Shut.MODE)
    assert gate.position_cell.cell_contents is gate.position


def test_whoever_collects_dependencies_shuts_every_gate(gate):
    other = Gate()
    other.tick(5.0)
    track("one")
    track("two")
    untrack("one")
    untrack("one")
    born_meanwhile = Gate()
    born_meanwhile.tick(5.0)
    assert not any(map(is_open, (gate, other, born_meanwhile)))
    untrack("two")
    assert is_open(gate)
    assert born_meanwhile.clock_cell.cell_contents == 5.0


def test_what_may_expire_is_found_out_once(gate):
    gate.expires(10.0)
    gate.expires(8.0)
    gate.expires(9.0)
    assert not gate.expired(7.9)
    assert gate.expired(8.0)
    assert not gate.expired(100.0)


class Thing:
    def __init__(self):
        self.calls = []
        self.parked = threading.Event()
        self.looked_after = threading.Semaphore(0)

    def tick(self):
        self.calls.append("tick")

    def look_after(self):
        self.looked_after.release()

    def park(self):
        self.calls.append("park")
        self.parked.set()


def test_the_ticker_parks_and_works_again_when_nudged(monkeypatch):
    monkeypatch.setattr(ticker, "INTERVAL", 0.001)
    monkeypatch.setattr(ticker, "SHIFT", 0.003)
    one, thing = Ticker(), Thing()
    one.add(thing)
    assert not thing.calls
    for shift in (1, 2):
        one.nudge()
        assert thing.parked.wait(60)
        thing.parked.clear()
        assert thing.calls.count("park") == shift
        assert thing.calls.count("tick") == 3 * shift
        assert thing.calls[-1] == "park"


def test_a_thing_that_fails_is_parked_and_the_others_go_on():
    one, good, bad = Ticker(), Thing(), Thing()
    bad.tick = lambda: 1 / 0
    one.add(good)
    one.add(bad)
    one._each(lambda thing: thing.tick())
    assert good.calls == ["tick"]
    assert bad.calls == ["park"]


def test_what_is_slow_to_look_after_does_not_stop_the_clock(monkeypatch):
    monkeypatch.setattr(ticker, "INTERVAL", 0.001)
    one, quick, slow = Ticker(), Thing(), Thing()
    entered, leave, ticked = threading.Event(), threading.Event(), threading.Semaphore(0)

    def look_after():
        entered.set()
        assert leave.wait(10)

    slow.look_after = look_after
    quick.tick = ticked.release
    one.add(quick)
    one.add(slow)
    one.nudge()
    assert entered.wait(60)
    while ticked.acquire(blocking=False):
        pass
    for _ in range(3):
        assert ticked.acquire(timeout=60), "its time goes on"
    leave.set()


def test_a_tick_that_does_not_end_leaves_no_clock_standing(monkeypatch):
    monkeypatch.setattr(ticker, "INTERVAL", 0.001)
    monkeypatch.setattr(ticker, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(ticker, "_LATE", 0.005)
    one, other, stuck = Ticker(), Thing(), Thing()
    leave = threading.Event()
    stuck.tick = lambda: leave.wait(10)
    one.add(other)
    one.add(stuck)
    one.nudge()
    assert other.parked.wait(60)
    leave.set()


def test_without_threads_the_gate_stays_shut_and_the_ticker_tries_again(monkeypatch):
    monkeypatch.setattr(ticker, "SHIFT", 0.05)

    def no_more(self):
        raise RuntimeError("can't start new thread")

    one, thing = Ticker(), Thing()
    one.add(thing)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_more)
        one.nudge()
        one.nudge()
    assert not one.working
    one._not_before = 0.0
    one.nudge()
    assert one.working
    assert thing.parked.wait(60)
    assert "tick" in thing.calls


@pytest.mark.parametrize("at", ["_tracking.lock", "gate._lock"])
def test_a_finaliser_may_use_a_cache_wherever_the_gate_is_locked(at, gate):
    lock = gate_module._tracking.lock if at == "_tracking.lock" else gate._lock
    done = threading.Event()

    def interrupted():
        with lock:
            track("a finaliser's load")
            gate.shut(Shut.MODE)
            gate.open(Shut.MODE)
            Gate()
            untrack("a finaliser's load")
            done.set()

    threading.Thread(target=interrupted, daemon=True).start()
    assert done.wait(60)
    assert is_open(gate)


def test_who_interrupts_the_first_collector_finds_every_gate_shut(gate, monkeypatch):
    """The outer call was interrupted after it was counted, before it told the gates."""
    others = []
    real = gate_module._tracking.tell

    def tell():
        monkeypatch.setattr(gate_module._tracking, "tell", real)
        track("inner")
        others.append(is_open(gate))
        untrack("inner")
        others.append(is_open(gate))
        real()

    monkeypatch.setattr(gate_module._tracking, "tell", tell)
    track("outer")
    assert others == [False, False]
    assert not is_open(gate)
    untrack("outer")
    assert is_open(gate)


def test_an_older_position_told_late_does_not_come_back(gate):
    gate.moved(2000)
    gate.moved(1500)
    assert gate.position_cell.cell_contents == 2000


@pytest.mark.slow
def test_finalisers_and_signal_handlers_read_the_cache_at_any_moment():
    """In a program without coverage, which holds a lock of its own where a handler may begin."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    program = str(Path(__file__).with_name("interrupted_reader.py"))
    run = subprocess.run(
        [sys.executable, program], env=plain, capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 10


@pytest.mark.slow
def test_a_child_is_as_quick_as_its_parent_when_another_thread_was_loading(gate):
    tracking = threading.Event()

    def load():
        track("load")
        tracking.set()

    thread = threading.Thread(target=load)
    thread.start()
    assert tracking.wait(60)
    thread.join()
    track("mine")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        gate.tick(6.0)
        mine_counts = not is_open(gate)
        untrack("mine")
        os.write(writer, bytes([mine_counts, is_open(gate)]))
        os._exit(0)
    os.waitpid(child, 0)
    untrack("mine")
    assert not is_open(gate)
    untrack("load")
    assert os.read(reader, 2) == b"\x01\x01"


def test_time_moves_a_ledger_in_memory():
    """With a ledger in memory a hit compares no time, so expiry has to take a number."""
    with Cache("memory://") as cache:
        cached = cache.cached(ttl=0.01)(lambda: object())
        engine = cache._engine
        ticker.TICKER.discard(engine)
        first = cached()
        engine.tick()
        assert cached() is first
        while engine.now() < engine.gate.next_expiry:
            pass
        engine.tick()
        assert cached() is not first


@pytest.mark.slow
def test_a_child_process_starts_with_shut_gates_and_free_locks():
    with Cache("memory://") as cache:
        cached = cache.cached(ttl=60, tags=[tag("t")])(lambda: os.getpid())
        cached()
        cached()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            shut = cache._engine.gate.position_cell.cell_contents is None
            same = cached() == cached()
            cache.invalidate(tag("t"))
            os.write(
                writer,
                bytes(
                    [
                        shut,
                        same,
                        cached() == os.getpid(),
                        cache._engine.gate.position_cell.cell_contents is not None,
                    ]
                ),
            )
            os._exit(0)
        os.waitpid(child, 0)
        shut, same, reloaded, _ = os.read(reader, 4)
        assert shut
        assert same
        assert reloaded
        assert cached() == os.getpid()
