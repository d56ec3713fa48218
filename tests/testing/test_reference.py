"""The reference backend holds the contracts, and dies as a process does."""

from __future__ import annotations

import pytest

from afresh.core.ports import Leases, Ledger, Store
from afresh.runtime.drive import drive
from afresh.testing.contracts.leases import LeasesContract
from afresh.testing.contracts.ledger import SharedLedgerContract
from afresh.testing.contracts.store import SharedStoreContract
from afresh.testing.exploring import ExplorerRuntime
from afresh.testing.reference import ReferenceLeases, ReferenceLedger, ReferenceStore


class TestReferenceLedger(SharedLedgerContract):
    @pytest.fixture
    def ledger(self) -> Ledger:
        return ReferenceLedger()

    @pytest.fixture
    def second(self, ledger: ReferenceLedger) -> Ledger:
        return ledger.another()


class TestReferenceStore(SharedStoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return ReferenceStore()

    @pytest.fixture
    def second(self, store: ReferenceStore) -> Store:
        return store.another()


class TestReferenceLeases(LeasesContract):
    @pytest.fixture
    def leases(self) -> Leases:
        return ReferenceLeases()

    @pytest.fixture
    def second(self, leases: ReferenceLeases) -> Leases:
        return leases.another()


def test_a_dead_writers_intents_are_announced_and_nobody_elses() -> None:
    ledger = ReferenceLedger()
    other = ledger.another()
    before = ledger.position()
    drive(ledger.intend([1]))
    drive(other.intend([2]))
    ledger.die()
    ledger.die()
    assert other.prove(frozenset({1}), before) is None
    proof = other.prove(frozenset({2}), before)
    assert proof is not None
    assert proof.held


def test_a_dead_holders_lease_is_free() -> None:
    leases, runtime = ReferenceLeases(), ExplorerRuntime()
    other = leases.another()
    assert drive(leases.take("k", 0.0, runtime)) is not None
    assert drive(other.take("k", 0.0, runtime)) is None
    leases.die()
    assert drive(other.take("k", 0.0, runtime)) is not None
