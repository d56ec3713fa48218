"""The cells that hits compare with."""

from __future__ import annotations

import math
import os
import threading

import pytest

from afresh import Cache, tag
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
    track()
    track()
    untrack()
    born_meanwhile = Gate()
    born_meanwhile.tick(5.0)
    assert not any(map(is_open, (gate, other, born_meanwhile)))
    untrack()
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

    def tick(self):
        self.calls.append("tick")

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
        assert thing.parked.wait(5)
        thing.parked.clear()
        assert thing.calls.count("park") == shift
        assert thing.calls.count("tick") == 3 * shift
        assert thing.calls[-1] == "park"


def test_a_thing_that_fails_is_parked_and_the_others_go_on():
    one, good, bad = Ticker(), Thing(), Thing()
    bad.tick = lambda: 1 / 0
    one.add(good)
    one.add(bad)
    one._each("tick")
    assert good.calls == ["tick"]
    assert bad.calls == ["park"]


def test_time_moves_a_ledger_in_memory():
    """With a ledger in memory a hit compares no time, so expiry has to take a number."""
    with Cache("memory://") as cache:
        cached = cache.cached(ttl=0.01)(lambda: object())
        first = cached()
        engine = cache._engine
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
