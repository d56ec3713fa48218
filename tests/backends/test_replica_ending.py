"""A ledger is closed by one thread while another begins to follow for it."""

from __future__ import annotations

import threading
from typing import Any
from unittest.mock import Mock

import pytest

from afresh.backends.replica import follower as room
from afresh.backends.replica.follower import Follower
from afresh.backends.replica.seats import OnlySeat


class Slow(OnlySeat):
    """A seat that is being taken when somebody else has his turn."""

    def __init__(self) -> None:
        self.taken = threading.Event()
        self.on = threading.Event()

    def take(self) -> bool:
        self.taken.set()
        return self.on.wait(10)


class Late(threading.Thread):
    """A thread that is known before it runs."""

    known = threading.Event()
    on = threading.Event()

    def start(self) -> None:
        self.known.set()
        assert self.on.wait(10)
        super().start()


def run_until_told(_: Any, stop: threading.Event) -> None:
    assert stop.wait(10), "nobody told this thread to end"


def follower(seat: OnlySeat) -> Follower:
    parts: Any = [Mock() for _ in range(4)]
    return Follower(*parts, seat, now=lambda: 0.0, max_stale=1.0)


def both(one: threading.Thread, other: threading.Thread) -> None:
    for thread in (one, other):
        thread.join(20)
        assert not thread.is_alive()


def test_who_closes_while_a_thread_is_being_started_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[BaseException] = []

    def close() -> None:
        try:
            followed.end()
            followed.join()
        except BaseException as error:
            raised.append(error)

    monkeypatch.setattr(room, "_run", run_until_told)
    followed = follower(OnlySeat())
    beginning, closing = threading.Thread(target=followed.ensure), threading.Thread(target=close)
    with monkeypatch.context() as patched:
        patched.setattr(room.threading, "Thread", Late)
        beginning.start()
        assert Late.known.wait(10)
    closing.start()
    Late.on.set()
    both(beginning, closing)
    assert raised == []
    assert not followed.working


def test_who_closes_while_a_seat_is_being_taken_ends_what_begins_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "_run", run_until_told)
    seat = Slow()
    followed = follower(seat)
    beginning = threading.Thread(target=followed.ensure)
    beginning.start()
    assert seat.taken.wait(10)
    ending = threading.Thread(target=followed.end)
    ending.start()
    seat.on.set()
    both(beginning, ending)
    thread = followed._thread
    followed.join()
    assert thread is None or not thread.is_alive()
