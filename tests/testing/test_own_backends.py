"""Our own backends hold the contracts that they are measured by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from afresh.backends.file.leases import FileLeases
from afresh.backends.file.ledger.machine import MachineLedger
from afresh.backends.file.store.store import FileStore
from afresh.backends.memory.ledger import MemoryLedger
from afresh.core.ports import Leases, Ledger, Store
from afresh.testing.contracts.leases import LeasesContract
from afresh.testing.contracts.ledger import LedgerContract, SharedLedgerContract
from afresh.testing.contracts.store import SharedStoreContract


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self) -> Ledger:
        return MemoryLedger(lambda _: None)


class TestMachineLedger(SharedLedgerContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        ledger = MachineLedger(tmp_path)
        yield ledger
        ledger.close()

    @pytest.fixture
    def second(self, ledger: Ledger, tmp_path: Path) -> Iterator[Ledger]:
        second = MachineLedger(tmp_path)
        yield second
        second.close()


class TestFileStore(SharedStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = FileStore(tmp_path / "store.sqlite3")
        yield store
        store.close()

    @pytest.fixture
    def second(self, store: Store, tmp_path: Path) -> Iterator[Store]:
        second = FileStore(tmp_path / "store.sqlite3")
        yield second
        second.close()


class TestFileLeases(LeasesContract):
    @pytest.fixture
    def leases(self, tmp_path: Path) -> Iterator[Leases]:
        leases = FileLeases(tmp_path)
        yield leases
        leases.close()

    @pytest.fixture
    def second(self, leases: Leases, tmp_path: Path) -> Iterator[Leases]:
        second = FileLeases(tmp_path)
        yield second
        second.close()
