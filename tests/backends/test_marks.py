"""What was marked is told to who tells others: by each kind of ledger."""

from __future__ import annotations

from pathlib import Path

from afresh.backends.file.ledger.machine import MachineLedger
from afresh.backends.memory.ledger import MemoryLedger
from afresh.runtime.drive import drive


def test_a_process_tells_its_own() -> None:
    ledger = MemoryLedger(lambda _: None)
    since = ledger.position()
    at = drive(ledger.announce([3, 4, 3]))
    assert ledger.marks(since) == (at, {3, 4})
    assert ledger.marks(at) == (at, frozenset())


def test_a_machine_tells_what_any_process_marked(tmp_path: Path) -> None:
    one, other = MachineLedger(tmp_path), MachineLedger(tmp_path)
    since = one.position()
    at = drive(other.announce([7, 8]))
    assert one.marks(since) == (at, {7, 8})
    for ledger in (one, other):
        ledger.close()


def test_a_machine_whose_ledger_was_replaced_tells_that_all_may_have_changed(tmp_path: Path) -> None:
    ledger = MachineLedger(tmp_path, max_stale=0)
    since = ledger.position()
    for file in tmp_path.glob("ledger*"):
        file.unlink()
    drive(ledger.confirm())
    at, tags = ledger.marks(since)
    assert at > since
    assert tags is None
    ledger.close()


def test_what_the_ring_has_no_more_is_not_told() -> None:
    ledger = MemoryLedger(lambda _: None, slots=4, ring=4)
    since = ledger.position()
    drive(ledger.announce([1, 2, 3, 4, 5]))
    assert ledger.marks(since)[1] is None
