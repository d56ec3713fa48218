"""Interception reaches every operation of the ports, and changes nothing else."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from afresh.core.ports import Lease, Leases, Ledger, Store
from afresh.runtime.drive import drive
from afresh.testing.actors import driven
from afresh.testing.explorer import ScheduleFailed, explore
from afresh.testing.exploring import ExplorerRuntime
from afresh.testing.intercept import intercepted, paused
from afresh.testing.reference import ReferenceLeases, ReferenceLedger, ReferenceStore
from afresh.testing.world import World


class Notes:
    def __init__(self) -> None:
        self.names: list[str] = []

    async def around(self, name: str, operation: Any) -> Any:
        self.names.append(name)
        return await operation()

    def around_plain(self, name: str, operation: Any) -> Any:
        self.names.append(name)
        return operation()


def test_every_operation_goes_through_with_its_arguments_and_result() -> None:
    notes = Notes()
    plain = ReferenceStore()
    store = intercepted(plain, notes)
    drive(store.put("a", b"1", stamp=1, expires=float("inf")))
    drive(store.put_many({"b": b"2"}, stamp=1, expires=float("inf")))
    assert drive(store.fill("c", b"3", stamp=1, expires=float("inf")))
    assert drive(store.swap("c", b"3", b"4", stamp=1, expires=float("inf")))
    assert drive(store.get("c")) == drive(plain.get("c")) == b"4"
    assert drive(store.get_many(["a", "b"])) == {"a": b"1", "b": b"2"}
    assert drive(store.delete("a"))
    assert drive(store.delete_many(["b", "x"])) == 1
    drive(store.clear(""))
    drive(store.flush())
    ledger = intercepted(ReferenceLedger(), notes)
    position = ledger.position()
    drive(ledger.announce([1]))
    assert ledger.prove(frozenset({1}), position) is None
    assert ledger.blame(frozenset({1}), position) == 1
    drive(ledger.settle(drive(ledger.intend([1], note="n")), announce=False))
    assert drive(ledger.confirm()) == ledger.position()
    drive(ledger.reach(position))
    leases = intercepted(ReferenceLeases(), notes)
    lease = drive(leases.take("k", 0.0, ExplorerRuntime()))
    assert lease is not None
    assert drive(leases.take("k", 0.0, ExplorerRuntime())) is None
    lease.release()
    expected = {
        name
        for port in (Store, Ledger, Leases, Lease)
        for name, each in vars(port).items()
        if inspect.isfunction(each) and not name.startswith("_")
    }
    assert set(notes.names) == expected - {"usage", "close"}


def test_what_is_no_operation_passes_untouched() -> None:
    notes = Notes()
    ledger = intercepted(ReferenceLedger(epoch=7), notes)
    assert ledger.epoch == 7
    ledger.close()
    ledger.another()
    assert intercepted(ReferenceStore(), notes).usage() == {"entries": 0, "bytes": 0}
    assert notes.names == []
    with pytest.raises(AttributeError):
        ledger.nothing  # type: ignore[attr-defined]  # noqa: B018


def stamped(*, fixed: bool, reads: bool) -> World:
    """A reader loads a row and stamps it, a writer changes and announces it: the late fill."""
    plain = ReferenceLedger()
    ledger = paused(plain, "ledger", reads=reads)
    store = paused(ReferenceStore(), "store", reads=reads)
    row, entry = [1], [(0, 0)]

    async def reader() -> None:
        if fixed:
            stamp = ledger.position()
        await store.get("k")  # absent; then the load
        value = row[0]
        await store.flush()
        if not fixed:
            stamp = ledger.position()
        entry[0] = (stamp, value)

    async def writer() -> None:
        await store.get("unrelated")
        row[0] = 2
        await ledger.announce([1])

    def check() -> None:
        stamp, value = entry[0]
        assert value == 2 or plain.prove(frozenset({1}), stamp) is None, "stale for good"

    actors = {"reader": reader(), "writer": writer()}
    return World({name: driven(each) if reads else each for name, each in actors.items()}, check)


@pytest.mark.parametrize("reads", [True, False])
def test_paused_backends_show_a_late_fill(reads: bool) -> None:
    with pytest.raises(ScheduleFailed, match="stale for good") as caught:
        explore(lambda: stamped(fixed=False, reads=reads))
    assert "writer: ledger.announce" in caught.value.schedule
    assert ("reader: ledger.position" in caught.value.schedule) == reads
    assert explore(lambda: stamped(fixed=True, reads=reads)).complete


def test_a_lease_pauses_before_it_is_given_back() -> None:
    seen = set()

    def scenario() -> World:
        leases, runtime, loaded = ReferenceLeases(), ExplorerRuntime(), []  # type: ignore[var-annotated]
        stepwise = paused(leases)

        async def load() -> None:
            lease = await stepwise.take("k", 100.0, runtime)
            assert lease is not None
            loaded.append(1)
            lease.release()

        async def look() -> None:
            free = await leases.another().take("k", 0.0, runtime)
            seen.add((len(loaded), free is not None))
            if free is not None:
                free.release()

        return World({"a": driven(load()), "b": driven(load()), "looks": driven(look())})

    assert explore(scenario).complete
    assert seen == {(0, True), (1, False), (1, True), (2, False), (2, True)}
