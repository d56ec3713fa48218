"""The contracts of backends notice every planted defect, and find none in what is right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import pytest
from broken_leases import LEASES
from broken_ledgers import LEDGERS
from broken_stores import STORES
from contract_runner import failing

from afresh.testing.contracts.leases import LeasesContract
from afresh.testing.contracts.ledger import SharedLedgerContract
from afresh.testing.contracts.store import SharedStoreContract
from afresh.testing.reference import ReferenceLeases, ReferenceLedger, ReferenceStore


class QuickLeasesContract(LeasesContract):
    patience = 1.0


def parts(name: str, kind: Any) -> Mapping[str, Any]:
    first = kind()
    return {name: first, "second": first.another()}


@cache
def noticed(kind: type) -> set[str]:
    """The tests that notice what is wrong with a backend."""
    if issubclass(kind, ReferenceLedger):
        return failing(SharedLedgerContract, lambda: parts("ledger", kind))
    if issubclass(kind, ReferenceStore):
        return failing(SharedStoreContract, lambda: parts("store", kind))
    return failing(QuickLeasesContract, lambda: parts("leases", kind))


def unneeded(contract: type, kinds: Iterable[type]) -> set[str]:
    """The tests of a contract that notice none of these defects."""
    return {name for name in dir(contract) if name.startswith("test_")} - set().union(*map(noticed, kinds))


@pytest.mark.parametrize("kind", [*LEDGERS, *STORES], ids=lambda kind: kind.__name__)
def test_a_broken_backend_is_noticed(kind: type) -> None:
    assert noticed(kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", LEASES, ids=lambda kind: kind.__name__)
def test_broken_leases_are_noticed(kind: type) -> None:
    assert noticed(kind)


@pytest.mark.parametrize("kind", [ReferenceLedger, ReferenceStore, ReferenceLeases])
def test_nothing_is_noticed_in_the_reference(kind: type) -> None:
    assert noticed(kind) == set()


def test_every_test_of_a_contract_notices_something() -> None:
    assert unneeded(SharedStoreContract, STORES) == {"test_it_can_be_closed_twice"}
    assert unneeded(SharedLedgerContract, LEDGERS) == {"test_it_can_be_closed_twice"}


@pytest.mark.slow
def test_every_test_of_leases_notices_something() -> None:
    assert unneeded(LeasesContract, LEASES) == set()
