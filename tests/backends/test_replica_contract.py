"""A replica keeps the contract of ledgers: alone, with a second process of its machine, with a second machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from replica_server import Server

from afresh.backends.replica.ledger import ReplicaLedger
from afresh.backends.replica.opening import open_replica
from afresh.core.events import Events
from afresh.runtime.clock import SYSTEM_CLOCK
from afresh.testing.contracts.ledger import LedgerContract, SharedLedgerContract


def opened(server: Server, folder: Path | None) -> ReplicaLedger:
    return open_replica(server.connect(), folder, Events(), SYSTEM_CLOCK)


@pytest.fixture
def server() -> Server:
    return Server(slots=1024)


class TestOneMachine(SharedLedgerContract):
    OTHER = "one"

    @pytest.fixture
    def ledger(self, server: Server, tmp_path: Path) -> Iterator[ReplicaLedger]:
        ledger = opened(server, tmp_path / "one")
        yield ledger
        ledger.close()

    @pytest.fixture
    def second(self, ledger: ReplicaLedger, server: Server, tmp_path: Path) -> Iterator[ReplicaLedger]:
        second = opened(server, tmp_path / self.OTHER)
        yield second
        second.close()


class TestTwoMachines(TestOneMachine):
    OTHER = "other"


class TestPrivate(LedgerContract):
    @pytest.fixture
    def ledger(self, server: Server) -> Iterator[ReplicaLedger]:
        ledger = opened(server, None)
        yield ledger
        ledger.close()


class TestWithoutSlots(LedgerContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[ReplicaLedger]:
        ledger = opened(Server(keeps_slots=False), tmp_path / "one")
        yield ledger
        ledger.close()
