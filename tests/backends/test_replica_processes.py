"""Replicas in real processes of one machine: the follower is killed, stopped, forked; the server goes and comes."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ledger_tools import announce, valid
from replica_server import Server
from replica_wire import WireLog, served

from afresh.backends.replica.ledger import ReplicaLedger
from afresh.backends.replica.opening import open_replica
from afresh.core.events import Events
from afresh.runtime.clock import SYSTEM_CLOCK
from sizes import size

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
SLACK = size(1.5, 1.0)


class Worker:
    """A process that runs `replica_worker.py`."""

    def __init__(self, folder: Path, path: Path, slots: int) -> None:
        script = Path(__file__).with_name("replica_worker.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(folder), str(path), str(slots)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.line() == "ready"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, *words: object) -> None:
        assert self.process.stdin is not None
        print(*words, file=self.process.stdin, flush=True)

    def ask(self, *words: object) -> int:
        self.tell(*words)
        return int(self.line())

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def path(server: Server, tmp_path: Path) -> Iterator[Path]:
    with served(server, tmp_path / "socket"):
        yield tmp_path / "socket"


@pytest.fixture
def worker(server: Server, path: Path, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def start(machine: str = "here") -> Worker:
        workers.append(Worker(tmp_path / machine, path, server.slots))
        return workers[-1]

    yield start
    for each in workers:
        each.end()


@pytest.fixture
def opened(server: Server, path: Path, tmp_path: Path) -> Iterator[Callable[..., ReplicaLedger]]:
    ledgers: list[ReplicaLedger] = []

    def open_(machine: str = "here") -> ReplicaLedger:
        log = WireLog(path, server.slots)
        ledgers.append(open_replica(log, tmp_path / machine, Events(), SYSTEM_CLOCK))
        return ledgers[-1]

    yield open_
    for each in ledgers:
        each.close()


def soon(condition: Callable[[], object], seconds: float) -> float:
    """Wait until a condition holds; the seconds that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.005)
    return time.monotonic() - began


def test_one_process_of_a_machine_follows_and_all_see_what_it_hears(
    worker: Callable[..., Worker], opened: Callable[..., ReplicaLedger], server: Server
) -> None:
    one, two, three = worker(), worker(), worker()
    assert [each.ask("look") for each in (one, two, three)] == [1, 0, 0]
    other = opened("there")
    since = other.position()
    assert three.ask("position") == since
    took = []
    for tag in range(1, 100):
        announce(other, tag)
        took.append(soon(lambda tag=tag: not three.ask("valid", since, tag), 1.0))  # type: ignore[misc]
    assert sorted(took)[len(took) // 2] < 0.05
    assert three.ask("valid", since, 1_000) == 1


def test_a_killed_follower_is_followed_by_another_within_a_second(
    worker: Callable[..., Worker], opened: Callable[..., ReplicaLedger]
) -> None:
    one, two = worker(), worker()
    other = opened("there")
    since = two.ask("position")
    one.signal(signal.SIGKILL)
    one.process.wait()
    assert two.ask("look") == 1
    announce(other, 5)
    assert soon(lambda: not two.ask("valid", since, 5), 1.0) < SLACK
    assert two.ask("valid", since, 6) == 1, "nothing was dropped"


def test_readers_alone_take_over_from_a_killed_follower(worker: Callable[..., Worker]) -> None:
    one, two = worker(), worker()
    since = two.ask("position")
    one.signal(signal.SIGKILL)
    one.process.wait()
    time.sleep(1.1)
    assert two.ask("valid", since, 6) == 0, "not heard of for a second: nothing is proven"
    assert soon(lambda: two.ask("valid", since, 6), 1.0) < SLACK
    assert two.ask("follows") == 1


def test_a_stopped_follower_is_noticed_replaced_and_steps_back_when_it_wakes(
    worker: Callable[..., Worker], opened: Callable[..., ReplicaLedger]
) -> None:
    one, two = worker(), worker()
    other = opened("there")
    since = two.ask("position")
    one.signal(signal.SIGSTOP)
    began = time.monotonic()
    announce(other, 5)

    def stale() -> bool:
        two.tell("look")
        two.line()
        return bool(two.ask("valid", since, 5))

    while stale():
        assert time.monotonic() - began < 1.0 + SLACK, "served beyond the bound"
        time.sleep(0.02)
    soon(lambda: two.ask("valid", since, 6), SLACK)
    assert two.ask("follows") == 1
    one.signal(signal.SIGCONT)
    soon(lambda: one.ask("follows") and not two.ask("follows"), 2.0)
    assert one.ask("valid", since, 5) == 0
    assert one.ask("valid", since, 6) == 1


def test_a_process_that_was_stopped_proves_nothing_by_what_it_heard_before(
    worker: Callable[..., Worker], opened: Callable[..., ReplicaLedger], server: Server
) -> None:
    alone, other = worker(), opened("there")
    since = alone.ask("position")
    alone.tell("asleep", since, 5)
    time.sleep(0.2)
    alone.signal(signal.SIGSTOP)
    announce(other, 5)
    time.sleep(1.2)
    alone.signal(signal.SIGCONT)
    assert alone.line() == "0"


def test_the_server_comes_back_within_a_second_and_nothing_was_dropped(
    opened: Callable[..., ReplicaLedger], server: Server
) -> None:
    one, other = opened("here"), opened("there")
    since = one.position()
    announce(other, 5)
    server.down = True
    soon(lambda: not one.proven(), 3.0)
    assert not valid(one, 6, since)
    server.down = False
    assert soon(one.proven, 2.0) < SLACK
    assert not valid(one, 5, since)
    assert all(valid(one, tag, since) for tag in range(6, 1_000))


def test_a_server_that_was_down_at_the_start_is_found(
    opened: Callable[..., ReplicaLedger], server: Server
) -> None:
    server.down = True
    began = time.monotonic()
    one = opened("here")
    assert time.monotonic() - began < 0.5
    assert not one.proven()
    server.down = False
    assert soon(one.proven, 2.0) < SLACK


def test_what_a_killed_process_could_not_deliver_is_delivered_by_another(
    worker: Callable[..., Worker], opened: Callable[..., ReplicaLedger], server: Server
) -> None:
    one, two, other = worker(), worker(), opened("there")
    since = other.position()
    server.refuses = True
    one.ask("announce", 5)
    one.signal(signal.SIGKILL)
    one.process.wait()
    assert two.ask("look") == 1
    assert two.ask("valid", since, 5) == 0
    assert valid(other, 5, since)
    server.refuses = False
    soon(lambda: not valid(other, 5, since), 2.0)
    soon(lambda: two.ask("valid", two.ask("position"), 5), 2.0)


def test_what_a_killed_process_was_about_to_change_counts_as_changed(
    worker: Callable[..., Worker], opened: Callable[..., ReplicaLedger]
) -> None:
    one, victim, other = worker(), worker(), opened("there")
    since = other.position()
    assert victim.ask("intend", 5) > since
    victim.signal(signal.SIGKILL)
    victim.process.wait()
    soon(lambda: not one.ask("valid", since, 5), 2.0)
    soon(lambda: not valid(other, 5, since), 2.0)


def test_a_child_has_no_follower_of_its_parent_and_takes_over_when_that_one_dies(
    opened: Callable[..., ReplicaLedger], server: Server, tmp_path: Path
) -> None:
    ledger = opened("here")
    since = ledger.position()
    assert ledger._follower.working
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            assert not ledger._follower.working
            ledger.look_after()
            assert not ledger._follower.working, "the parent follows"
            announce(ledger, 5)
            assert not valid(ledger, 5, since)
            (tmp_path / "ready").touch()
            soon(lambda: ledger.look_after() or ledger._follower.working, 5.0)  # type: ignore[func-returns-value]
            status = 0
        finally:
            os._exit(status)
    soon((tmp_path / "ready").exists, 3.0)
    assert not valid(ledger, 5, since)
    ledger.close()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_follower_that_alone_does_not_reach_the_server_is_joined(server: Server, tmp_path: Path) -> None:
    logs = [server.connect(), server.connect()]
    one, two = (open_replica(log, tmp_path / "here", Events(), SYSTEM_CLOCK, max_stale=0.4) for log in logs)
    since = one.position()
    logs[0].cut = True
    soon(lambda: two.look_after() or two._follower.working, 2.0)  # type: ignore[func-returns-value]
    soon(one.proven, 1.0)
    assert valid(one, 5, since)
    logs[0].cut = False
    soon(lambda: one._follower.working and not two._follower.working, 2.0)
    assert one.proven()
    for each in (one, two):
        each.close()


def test_a_writer_that_stands_still_in_the_middle_is_left_behind(
    opened: Callable[..., ReplicaLedger], tmp_path: Path
) -> None:
    one = opened("here")
    since, words = one.position(), one.cell.cell_contents
    with (tmp_path / "here" / "copy-000001").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as a process that was stopped holds it
        began = time.monotonic()
        announce(one, 5)
        assert time.monotonic() - began < 1.0 + SLACK
        assert not valid(one, 5, since)
        soon(lambda: valid(one, 6, since), 1.0)
    assert one.cell.cell_contents is not words
    assert (tmp_path / "here" / "copy-000002").exists()


def test_closing_ends_the_thread_soon_and_frees_the_seat(opened: Callable[..., ReplicaLedger]) -> None:
    one, two = opened("here"), opened("here")
    assert (one._follower.working, two._follower.working) == (True, False)
    began = time.monotonic()
    one.close()
    assert time.monotonic() - began < 0.6
    assert not one._follower.working
    two.look_after()
    assert two._follower.working


def test_a_follower_at_rest_asks_a_few_times_a_second(
    opened: Callable[..., ReplicaLedger], server: Server
) -> None:
    opened("here")
    server.asked.clear()
    time.sleep(1.0)
    assert 2 <= sum(server.asked.values()) <= 8
