"""A server that doesn't answer costs one deadline, once."""

from __future__ import annotations

import threading

import pytest

from afresh import BackendError
from afresh.runtime import ticker
from afresh.runtime.breaker import FIRST_PAUSE, LONGEST_PAUSE, Breaker


class Time:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def breaker(time):
    return Breaker("redis://there", now=time, draw=lambda: 1.0)


def test_the_first_failure_opens_it_and_says_why(breaker):
    breaker.check()
    breaker.failed(TimeoutError("no answer in 50 ms"))
    assert breaker.state == "open"
    with pytest.raises(BackendError, match="redis://there is not asked for now: no answer in 50 ms"):
        breaker.check()


def test_one_probe_at_a_time_and_not_before_the_pause(breaker, time):
    assert not breaker.may_probe()  # closed: there is nothing to find out
    breaker.failed("gone")
    assert not breaker.may_probe()
    time.now += FIRST_PAUSE
    assert breaker.may_probe()
    assert breaker.state == "half-open"
    assert not breaker.may_probe()
    with pytest.raises(BackendError):
        breaker.check()  # requests don't probe


def test_success_closes_it(breaker, time):
    breaker.failed("gone")
    time.now += FIRST_PAUSE
    assert breaker.may_probe()
    breaker.worked()
    assert breaker.state == "closed"
    breaker.check()
    breaker.failed("gone again")
    time.now += FIRST_PAUSE
    assert breaker.may_probe()  # the pause began anew


def test_pauses_grow_up_to_a_limit(breaker, time):
    pauses = []
    for _ in range(8):
        breaker.failed("gone")
        began = time.now
        while not breaker.may_probe():
            time.now += FIRST_PAUSE / 16
        pauses.append(time.now - began)
    assert pauses == sorted(pauses)
    assert pauses[0] == pytest.approx(FIRST_PAUSE, abs=FIRST_PAUSE / 8)
    assert pauses[-1] == pytest.approx(LONGEST_PAUSE, abs=FIRST_PAUSE / 8)


def test_pauses_are_spread(time):
    early = Breaker("a", now=time, draw=lambda: 0.0)
    early.failed("gone")
    time.now += FIRST_PAUSE / 2
    assert early.may_probe()


def test_it_counts_openings_and_not_failures(breaker):
    for _ in range(3):
        breaker.failed("gone")
    breaker.worked()
    breaker.failed("gone")
    assert breaker.opened == 2


def test_a_child_process_may_probe_though_its_parent_did(breaker, time):
    breaker.failed("gone")
    time.now += FIRST_PAUSE
    assert breaker.may_probe()
    breaker._lock.acquire()
    breaker.after_fork()
    assert breaker.may_probe()


class Ticked:
    def __init__(self) -> None:
        self.parked = threading.Event()
        self.ticks = 0

    def tick(self) -> None:
        self.ticks += 1

    def look_after(self) -> None:
        return

    def park(self) -> None:
        self.parked.set()


def test_housekeeping_goes_on_while_a_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle process must find it again before its next write."""
    monkeypatch.setattr(ticker, "SHIFT", 0.02)
    monkeypatch.setattr(ticker, "INTERVAL", 0.002)
    own, thing, given_up = ticker.Ticker(), Ticked(), Breaker("a server")
    own.add(thing)
    given_up.failed("it is gone")
    own.nudge()
    assert not thing.parked.wait(0.3)
    assert thing.ticks > 30
    given_up.worked()
    assert thing.parked.wait(10)
    assert not own.working
