"""A cache over a replica: hits by one comparison, other machines' changes, an undelivered one, a new life."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from replica_server import Log, Server

from afresh import Row
from afresh.backends import Backend
from afresh.backends.memory.store import Limit, MemoryStore
from afresh.backends.replica.ledger import ReplicaLedger
from afresh.backends.replica.opening import open_replica
from afresh.codecs.sealer import Sealer
from afresh.core.events import Events
from afresh.core.keys import KeyMaker
from afresh.core.policy import Policy
from afresh.decorators import decorate
from afresh.engine.changes.invalidate import invalidate
from afresh.engine.engine import Consistency, Engine
from afresh.runtime.clock import SYSTEM_CLOCK
from afresh.runtime.drive import drive
from afresh.runtime.gate import Gate
from afresh.testing.reference import ReferenceLeases, ReferenceStore

pytestmark = pytest.mark.slow


class Shop:
    """A cached price on one machine, with the real clock, ticker and follower."""

    def __init__(
        self, server: Server, store: ReferenceStore, folder: Path, consistency: Consistency = "bounded"
    ) -> None:
        self.log: Log = server.connect()
        self.prices: dict[int, int] = {}
        self.loads = 0
        self.ledger: ReplicaLedger = open_replica(
            self.log, folder, Events(), SYSTEM_CLOCK, strict=consistency == "strict", max_stale=0.4
        )
        backend = Backend(
            "replica:",
            self.ledger,
            store,
            ReferenceLeases(),
            in_memory=False,
            remote=True,
            proven=self.ledger.proven,
            waiting=self.ledger.waiting,
            words=self.ledger.cell,
            begin=self.ledger.begin,
            look_after=self.ledger.look_after,
            status=self.ledger.status,
            close=self.ledger.close,
        )
        self.engine = Engine(
            namespace="",
            backend=backend,
            l1=MemoryStore(Limit.of(10_000)),
            sealer=Sealer(),
            consistency=consistency,
            gate=Gate(),
            events=Events(),
            clock=SYSTEM_CLOCK,
        )
        options = {"tags": lambda id: [Row("product", id)], "prefix": "product"}
        self.price = decorate(self.engine, self._load, Policy.of(ttl=600), options, KeyMaker)

    def _load(self, id: int) -> int:
        self.loads += 1
        return self.prices.get(id, 0)

    def change(self, id: int, price: int, *others: Shop) -> None:
        for shop in (self, *others):
            shop.prices[id] = price
        drive(invalidate(self.engine, [Row("product", id)]))


@pytest.fixture
def server() -> Server:
    return Server(slots=4096)


@pytest.fixture
def shop(server: Server, tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    shops: list[Shop] = []
    store = ReferenceStore()

    def open_(machine: str = "here", consistency: Consistency = "bounded") -> Shop:
        shops.append(Shop(server, store, tmp_path / machine, consistency))
        return shops[-1]

    yield open_
    for each in shops:
        each.engine.close()


def soon(condition: Callable[[], object], seconds: float = 2.0) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.002)
    return time.monotonic() - began


def test_hits_are_answered_by_the_comparison(
    shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = shop()
    here.price(1)
    soon(lambda: here.engine.gate.clock_cell.cell_contents != float("inf") or here.price(1))
    looked = []
    monkeypatch.setattr(here.engine, "prove", lambda *_: looked.append(1))
    for _ in range(100):
        here.price(1)
    assert len(looked) < 50, "the ticker may park once"
    assert here.loads == 1


def test_a_change_is_seen_here_at_once_and_on_other_machines_soon(shop: Callable[..., Shop]) -> None:
    here, same, there = shop(), shop(), shop("there")
    took = []
    for price in range(1, 40):
        assert {each.price(1) for each in (here, same, there)} == {price - 1}
        there.change(1, price, here, same)
        assert there.price(1) == price
        took.append(soon(lambda price=price: here.price(1) == price))  # type: ignore[misc]
        assert same.price(1) == price, "one copy for all processes of a machine"
    assert sorted(took)[len(took) // 2] < 0.05


def test_strict_sees_it_at_once_everywhere(shop: Callable[..., Shop]) -> None:
    here, there = shop("here", "strict"), shop("there", "strict")
    for price in range(1, 40):
        there.change(1, price, here)
        assert here.price(1) == price


def test_nothing_is_served_beyond_the_bound_and_nothing_is_dropped(
    shop: Callable[..., Shop], server: Server
) -> None:
    here, there = shop(), shop("there")
    for each in range(1, 1_001):
        here.price(each)
    here.log.cut = True
    there.change(1, 7, here)
    began = time.monotonic()
    soon(lambda: here.price(1) == 7)
    assert time.monotonic() - began < 0.4 + 0.3
    loads = here.loads
    here.price(2)
    assert here.loads == loads + 1, "unproven: loaded, and kept nowhere"
    here.log.cut = False
    soon(here.ledger.proven)
    loads = here.loads
    for each in range(2, 1_001):
        here.price(each)
    assert here.loads - loads <= 10, "it was only out of sight"
    assert here.price(1) == 7


def test_an_undelivered_change_is_not_served_here_until_it_is_delivered_everywhere(
    shop: Callable[..., Shop], server: Server
) -> None:
    here, same, there = shop(), shop(), shop("there")
    for each in (here, same, there):
        each.price(1)
        each.price(2)
    server.refuses = True
    here.change(1, 5, same, there)
    assert here.price(1) == 5
    assert same.price(1) == 5
    loads = same.loads
    assert same.price(2) == 0
    assert same.loads == loads, "only its own scope is bypassed"
    server.refuses = False
    soon(lambda: there.price(1) == 5)
    soon(here.ledger.proven)  # a moment after it was delivered
    loads = here.loads
    assert [here.price(1) for _ in range(5)] == [5] * 5
    assert here.loads <= loads + 1


def test_a_load_that_began_before_an_undelivered_change_is_nobodys_who_asks_after_it(
    shop: Callable[..., Shop], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, begun, go_on = shop(), threading.Event(), threading.Event()
    load = here._load

    def slowly(id: int) -> int:
        price = load(id)
        begun.set()
        assert go_on.wait(10)
        return price

    options = {"tags": lambda id: [Row("product", id)], "prefix": "slow"}
    price = decorate(here.engine, slowly, Policy.of(ttl=600), options, KeyMaker)
    early: list[int] = []
    late: list[int] = []
    threads = [threading.Thread(target=lambda: early.append(price(1)))]
    threads[0].start()
    assert begun.wait(10)
    server.refuses = True
    here.change(1, 5)
    threads += [threading.Thread(target=lambda: late.append(price(1))) for _ in range(8)]
    for thread in threads[1:]:
        thread.start()
    soon(lambda: sum(site.joined for site in here.engine.sites.values()) == 8)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert (early, late) == ([0], [5] * 8)


def test_a_restart_from_an_old_snapshot_serves_nothing_that_it_forgot(
    shop: Callable[..., Shop], server: Server
) -> None:
    here, there = shop(), shop("there")
    assert here.price(1) == 0
    saved = server.save()
    there.change(1, 5, here)
    soon(lambda: here.price(1) == 5)
    server.restore(saved)
    for _ in range(50):
        assert here.price(1) == 5
        assert there.price(1) == 5
        time.sleep(0.01)
    assert here.ledger.epoch != saved.epoch


def test_readers_and_writers_at_the_same_time_read_nothing_old(shop: Callable[..., Shop]) -> None:
    here, writing = shop(), shop()
    stale: list[tuple[int, int]] = []
    acknowledged = [0]
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            least = acknowledged[0]
            value = here.price(1)
            if value < least:
                stale.append((value, least))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for each in readers:
        each.start()
    for price in range(1, 300):
        writing.change(1, price, here)
        acknowledged[0] = price
    done.set()
    for each in readers:
        each.join()
    assert stale == []
