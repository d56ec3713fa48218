"""Each operation of a store, of leases or of a ledger fails, one after the other.

Reads never notice more than a miss; an invalidation that could not be written is never silent; and
whatever failed, nobody is given an old value afterwards.
"""

from __future__ import annotations

import pytest

from afresh import AfreshError, BackendError, NotInvalidated, Row
from afresh.backends import Backend
from afresh.backends.memory.store import Limit, MemoryStore
from afresh.codecs.sealer import Sealer
from afresh.core.events import Events, Kind
from afresh.core.keys import KeyMaker
from afresh.core.policy import Policy
from afresh.decorators import decorate
from afresh.engine.changes.invalidate import invalidate
from afresh.engine.engine import Engine
from afresh.engine.values.plain import Plain
from afresh.runtime.drive import drive
from afresh.runtime.gate import Gate
from afresh.testing.clock import FakeClock
from afresh.testing.faults import every_fault
from afresh.testing.reference import ReferenceLeases, ReferenceLedger, ReferenceStore


class Shop:
    """A cached function over a row, in two processes that share everything."""

    def __init__(self, store, leases, ledger):
        self.price = 1
        self.events = []
        self.clock = FakeClock()
        one = self.engine(store, leases, ledger)
        self.engine_one = one
        self.plain = Plain(one)
        self.cached = self.product(one)

    def engine(self, store, leases, ledger):
        events = Events()
        events.listen(self.events.append)
        return Engine(
            namespace="",
            backend=Backend("reference", ledger, store, leases, in_memory=False),
            l1=MemoryStore(Limit.of(100)),
            sealer=Sealer(),
            consistency="bounded",
            gate=Gate(),
            events=events,
            clock=self.clock,
        )

    def product(self, engine):
        def load(id: int) -> int:
            return self.price

        options = {"tags": lambda id: [Row("product", id)], "prefix": "product"}
        return decorate(engine, load, Policy.of(ttl=60), options, KeyMaker)

    def change(self, price):
        """What an application does: change, then announce; told when that failed."""
        self.price = price
        drive(invalidate(self.engine_one, [Row("product", 7)]))


@pytest.mark.parametrize("after", [False, True], ids=["fails", "fails after it was done"])
@pytest.mark.parametrize("onwards", [False, True], ids=["once", "from then on"])
def test_reads_never_notice_a_store_in_trouble(after, onwards):
    for faults in every_fault(after=after, onwards=onwards):
        store, ledger = ReferenceStore(), ReferenceLedger()
        shop = Shop(faults.on(store), ReferenceLeases(), ledger)
        assert shop.cached(7) == 1
        shop.change(2)
        assert shop.cached(7) == 2
        assert drive(shop.plain.get("k", "default")) == "default"
        assert drive(shop.plain.get_many(["a", "b"])) == {}
        other = shop.product(shop.engine(store, ReferenceLeases(), ledger.another()))
        assert other(7) == 2
        if faults.struck:
            assert any(event.kind is Kind.BYPASS for event in shop.events)


def test_reads_never_notice_leases_in_trouble():
    for faults in every_fault():
        shop = Shop(ReferenceStore(), faults.on(ReferenceLeases()), ReferenceLedger())
        assert shop.cached(7) == 1
        shop.change(2)
        assert shop.cached(7) == 2


def test_an_invalidation_that_failed_is_never_silent():
    for faults in every_fault(NotInvalidated("the ledger is gone")):
        shop = Shop(ReferenceStore(), ReferenceLeases(), faults.on(ReferenceLedger()))
        shop.cached(7)
        try:
            shop.change(2)
        except NotInvalidated:
            assert faults.struck
            shop.change(2)
        assert shop.cached(7) == 2


def test_a_value_that_could_not_be_set_is_never_silent_and_never_half_there():
    for faults in every_fault(after=True):
        store, ledger = ReferenceStore(), ReferenceLedger()
        shop = Shop(faults.on(store), ReferenceLeases(), ledger)
        try:
            drive(shop.plain.set_many({"k": 1}, 1e18, ()))
            drive(shop.plain.incr("k", 1, 0, 1e18))
        except BackendError:
            assert faults.struck
        other = Plain(shop.engine(store, ReferenceLeases(), ledger.another()))
        assert drive(other.get("k", None)) in {None, 1, 2}


def test_whatever_the_loader_raises_is_not_ours():
    shop = Shop(ReferenceStore(), ReferenceLeases(), ReferenceLedger())

    def load():
        raise OSError("disk")

    cached = decorate(shop.engine_one, load, Policy(), {"prefix": "broken"}, KeyMaker)
    with pytest.raises(OSError, match="disk") as caught:
        cached()
    assert not isinstance(caught.value, AfreshError)
    assert caught.value.__cause__ is caught.value.__context__ is None
