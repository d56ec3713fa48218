"""The ledger over memcached: the contract of ledgers, for two machines, and for two processes of one."""

# ruff: noqa: F811 - fixtures are imported

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ledger_tools import A, B, announce, valid
from memcached_room import Place, another, empty, place  # noqa: F401  fixtures

from afresh.backends.memcached.connect import MemcachedClient
from afresh.backends.memcached.log.log import MemcachedLog
from afresh.backends.memcached.log.records import packed
from afresh.backends.replica.ledger import ReplicaLedger
from afresh.backends.replica.opening import open_replica
from afresh.backends.replica.remote import Record, What
from afresh.core.events import Events
from afresh.runtime.clock import SYSTEM_CLOCK
from afresh.runtime.drive import drive
from afresh.testing.contracts.ledger import SharedLedgerContract

pytestmark = [pytest.mark.servers, pytest.mark.slow]

Open = Callable[[Path], ReplicaLedger]


class TestTwoMachines(SharedLedgerContract):
    @pytest.fixture
    def open(self, empty: Place, another: Callable[[Place], MemcachedClient]) -> Iterator[Open]:
        ledgers: list[ReplicaLedger] = []

        def make(folder: Path) -> ReplicaLedger:
            log = MemcachedLog(another(empty), timeout=5.0)
            ledgers.append(open_replica(log, folder, Events(), SYSTEM_CLOCK, max_stale=5.0))
            return ledgers[-1]

        yield make
        for ledger in ledgers:
            ledger.close()

    @pytest.fixture
    def ledger(self, open: Open, tmp_path: Path) -> ReplicaLedger:
        return open(tmp_path / "one")

    @pytest.fixture
    def second(self, ledger: ReplicaLedger, open: Open, tmp_path: Path) -> ReplicaLedger:
        return open(tmp_path / "other")


class TestOneMachine(TestTwoMachines):
    @pytest.fixture
    def second(self, ledger: ReplicaLedger, open: Open, tmp_path: Path) -> ReplicaLedger:
        return open(tmp_path / "one")


def test_a_hole_that_is_filled_when_it_is_given_up_costs_no_later_mark(
    empty: Place, another: Callable[[Place], MemcachedClient], tmp_path: Path
) -> None:
    """One process passes a hole, when another of its machine has read what was written into it at last."""

    def opened(folder: str, log: MemcachedLog) -> ReplicaLedger:
        return open_replica(log, tmp_path / folder, Events(), SYSTEM_CLOCK, max_stale=5.0, follow=False)

    impatient = MemcachedLog(another(empty), patience=0.0)
    one, two, elsewhere = (
        opened("one", impatient),
        opened("one", MemcachedLog(another(empty))),
        opened("other", MemcachedLog(another(empty))),
    )
    client, commands, copy = another(empty), impatient._commands, one._channel.copy()
    assert copy is not None
    start = copy.position()
    drive(client.one(commands.take(start.epoch, 1)))
    passage = drive(impatient.read(start))
    late = Record(start.at + 1, start.at + 1, What.MARK, (A,))
    drive(client.one(commands.add_record(start.epoch, late.first, packed(late))))
    drive(two._channel.catch_up())
    one._channel.take_in(copy, start, passage, 0.0)
    since = one.position()
    announce(elsewhere, B)
    drive(one._channel.catch_up())
    assert not valid(one, B, since)
    for ledger in (one, two, elsewhere):
        ledger.close()
