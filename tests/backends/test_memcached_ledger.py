"""The ledger over memcached: the contract of ledgers, for two machines, and for two processes of one."""

# ruff: noqa: F811 - fixtures are imported

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from memcached_room import Place, another, empty, place  # noqa: F401  fixtures

from afresh.backends.memcached.connect import MemcachedClient
from afresh.backends.memcached.log import MemcachedLog
from afresh.backends.replica.ledger import ReplicaLedger
from afresh.backends.replica.opening import open_replica
from afresh.core.events import Events
from afresh.runtime.clock import SYSTEM_CLOCK
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
