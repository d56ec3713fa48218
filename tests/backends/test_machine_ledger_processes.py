"""The machine's ledger between real processes: killed, stopped, spawned and forked."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ledger_tools import announce, held, settle, valid

from afresh.backends.file.ledger.machine import MachineLedger
from afresh.runtime.drive import drive
from sizes import size

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
UNTOUCHED = 2**63 + 5


class Worker:
    """A process that runs `ledger_worker.py`."""

    def __init__(self, folder: Path) -> None:
        script = Path(__file__).with_name("ledger_worker.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(folder)],
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

    def kill(self) -> list[str]:
        """`kill -9`; what it had still said."""
        self.process.send_signal(signal.SIGKILL)
        said, _ = self.process.communicate()
        return said.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shared").mkdir(mode=0o700)
    return tmp_path / "shared"


@pytest.fixture
def worker(folder: Path) -> Iterator[Callable[[], Worker]]:
    workers: list[Worker] = []

    def start() -> Worker:
        workers.append(Worker(folder))
        return workers[-1]

    yield start
    for each in workers:
        if each.process.poll() is None:
            each.kill()
        for pipe in (each.process.stdin, each.process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


def test_an_invalidation_is_seen_by_the_next_proof_of_another_process(
    folder: Path, worker: Callable[[], Worker]
) -> None:
    here, there = MachineLedger(folder), worker()
    for tag in range(1, 200):
        since = there.ask("position")
        assert since == here.position()
        announce(here, tag)
        assert there.ask("valid", since, tag) == 0
        assert there.ask("valid", since, UNTOUCHED) == 1
        since = here.position()
        there.ask("announce", tag)
        assert not valid(here, tag, since)


def test_killed_writers_damage_nothing_and_lose_nothing_that_they_acknowledged(
    folder: Path, worker: Callable[[], Worker]
) -> None:
    here = MachineLedger(folder)
    since, epoch = here.position(), here.epoch
    steady = worker()
    steady.tell("hammer", 10**9, 3)
    steady.line()
    acknowledged: list[range] = []
    for round_ in range(12):
        victim = worker()
        first = (round_ + 1) * 10**6
        victim.tell("hammer", first, 5)
        last = int(victim.line())
        time.sleep(0.01 + 0.003 * round_)
        said = victim.kill()
        last = max([last, *(int(each) for each in said if each.isdigit() and int(each) % 5 == 4)])
        acknowledged.append(range(first, last + 1))
        began = time.monotonic()
        announce(here, 7)
        assert time.monotonic() - began < 1.0
    steady.kill()
    assert here.epoch == epoch
    assert sum(map(len, acknowledged)) > 12 * 5
    for tags in acknowledged:
        assert not any(valid(here, tag, since) for tag in (*tags[:50], *tags[-50:]))
    last_position = here.position()
    newcomer = MachineLedger(folder)
    assert (newcomer.epoch, newcomer.position()) == (epoch, last_position)
    assert valid(newcomer, 10**6, last_position)


def test_a_stopped_writer_is_left_behind_within_its_second_and_marks_again_when_it_wakes(
    folder: Path, worker: Callable[[], Worker]
) -> None:
    here, stopped = MachineLedger(folder), worker()
    before, epoch = here.position(), here.epoch
    stopped.tell("freeze", 5, 1)
    assert stopped.line() == "frozen"
    stopped.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    announce(here, 6)
    assert 0.9 < time.monotonic() - began < size(4.0, 2.0)
    assert here.epoch != epoch
    assert not valid(here, 5, before)
    loaded = here.position()
    assert valid(here, 5, loaded)
    stopped.process.send_signal(signal.SIGCONT)
    assert int(stopped.line()) > loaded
    assert not valid(here, 5, loaded), "its mark counts in the file that took over"
    assert stopped.ask("epoch") == here.epoch


def test_a_killed_writers_published_mark_counts(folder: Path, worker: Callable[[], Worker]) -> None:
    here, victim = MachineLedger(folder), worker()
    before = here.position()
    victim.tell("freeze", 5)
    assert victim.line() == "frozen"
    assert not valid(here, 5, before), "readers take it from the ring, without waiting for anyone"
    victim.kill()
    began = time.monotonic()
    announce(here, *range(100, 130))
    assert time.monotonic() - began < 0.5
    assert not valid(here, 5, before)


def test_what_a_killed_process_was_about_to_change_counts_as_changed(
    folder: Path, worker: Callable[[], Worker]
) -> None:
    here, victim = MachineLedger(folder, max_stale=0.05), worker()
    since = here.position()
    assert victim.ask("intend", 5) > since
    assert held(here, 5)
    victim.kill()
    until = time.monotonic() + 60
    while valid(here, 5, since):
        assert time.monotonic() < until
        here.look_after()
    assert not held(here, 5)


def test_a_deleted_folder_is_noticed_by_processes_that_only_read(
    folder: Path, worker: Callable[[], Worker]
) -> None:
    here, there = MachineLedger(folder), worker()
    since = there.ask("position")
    shutil.rmtree(folder)
    announce(here, 5)
    time.sleep(0.06)
    assert there.ask("confirm") >= here.position() > since
    assert there.ask("epoch") == here.epoch
    assert there.ask("valid", since, UNTOUCHED) == 0
    fresh = there.ask("position")
    announce(here, 6)
    assert there.ask("valid", fresh, 6) == 0


def test_children_of_a_fork_share_the_ledger_with_their_parent(folder: Path) -> None:
    ledger = MachineLedger(folder)
    intent = drive(ledger.intend([77]))
    since = ledger.position()
    children = []
    for which in range(4):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                for tag in range(which * 1_000 + 100, which * 1_000 + 200):
                    announce(ledger, tag)
                status = 0
            finally:
                os._exit(status)
        children.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0] * 4
    assert ledger.position() == since + 400
    tags = [which * 1_000 + tag for which in range(4) for tag in range(100, 200)]
    assert not any(valid(ledger, tag, since) for tag in tags)
    assert held(ledger, 77)
    settle(ledger, intent)
