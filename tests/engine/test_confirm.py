"""Where invalidations are numbered on a server, `strict` asks it, and `session` catches up with a token."""

from __future__ import annotations

import pytest

from afresh import BackendError, Row, Token
from afresh.backends import Backend
from afresh.backends.memory.store import Limit, MemoryStore
from afresh.codecs.sealer import Sealer
from afresh.core.events import Events
from afresh.core.keys import KeyMaker
from afresh.core.policy import Policy
from afresh.core.ports import Proof
from afresh.core.tags import hashed
from afresh.decorators import decorate
from afresh.engine.asking.confirm import LASTS
from afresh.engine.asking.scope import Scope
from afresh.engine.engine import Engine
from afresh.engine.names import marked_names
from afresh.engine.naming import Naming
from afresh.engine.values.plain import Plain
from afresh.runtime.drive import drive
from afresh.runtime.gate import Gate
from afresh.testing.clock import FakeClock
from afresh.testing.reference import ReferenceLeases, ReferenceLedger, ReferenceStore


class Server:
    """What all machines see, when they look."""

    def __init__(self, clock):
        self.ledger = ReferenceLedger(epoch=7)
        self.store = ReferenceStore(clock.now)
        self.up = True
        self.price = 1


class Machine:
    """A ledger that sees what the server had when it looked last."""

    def __init__(self, server):
        self.server = server
        self.asked = 0
        self.heard = True
        self.epoch = server.ledger.epoch
        self._seen = server.ledger.position()

    def position(self):
        return self._seen

    def prove(self, tags, since):
        if not self.heard or since > self._seen:
            return None
        marked = self.server.ledger.blame(tags, since)
        later = self.server.ledger.blame(tags, self._seen)
        return None if marked is not None and later is None else Proof(self._seen, held=False)

    def blame(self, tags, since):
        return None

    async def confirm(self):
        self.asked += 1
        if not self.server.up:
            raise BackendError("the server doesn't answer")
        self._seen = self.server.ledger.position()
        self.heard = True
        return self._seen

    async def reach(self, position):
        if self.server.up:
            self._seen = max(self._seen, min(position, self.server.ledger.position()))

    async def announce(self, tags):
        self._seen = await self.server.ledger.announce(tags)
        return self._seen

    def close(self):
        pass


class Shop:
    """A cached price on one machine."""

    def __init__(self, server, clock, consistency):
        self.ledger = Machine(server)
        self.loads = 0
        self.server = server
        backend = Backend(
            "reference",
            self.ledger,
            server.store,
            ReferenceLeases(),
            in_memory=False,
            remote=True,
            proven=lambda: self.ledger.heard,
        )
        self.engine = Engine(
            namespace="",
            backend=backend,
            l1=MemoryStore(Limit.of(100)),
            sealer=Sealer(),
            consistency=consistency,
            gate=Gate(),
            events=Events(),
            clock=clock,
        )
        self.plain = Plain(self.engine)
        options = {"tags": lambda id: [Row("product", id)], "prefix": "product"}
        self.price = decorate(self.engine, self._load, Policy.of(ttl=600), options, KeyMaker)

    def _load(self, id: int) -> int:
        self.loads += 1
        return self.server.price


@pytest.fixture
def clock():
    return FakeClock(1_000_000.0)


@pytest.fixture
def server(clock):
    return Server(clock)


def change(shop, price):
    """Another machine writes, and this one is not told yet."""
    shop.server.price = price
    drive(
        shop.server.ledger.announce([hashed(name) for name in marked_names([Row("product", 7)], Naming(""))])
    )


def test_bounded_asks_nobody(server, clock):
    shop = Shop(server, clock, "bounded")
    assert [shop.price(7), shop.price(7)] == [1, 1]
    change(shop, 2)
    assert shop.price(7) == 1  # within the bound: nobody has told this machine
    assert shop.ledger.asked == 0


def test_strict_asks_before_every_read(server, clock):
    shop = Shop(server, clock, "strict")
    assert [shop.price(7), shop.price(7)] == [1, 1]
    assert (shop.ledger.asked, shop.loads) == (2, 1)
    change(shop, 2)
    assert shop.price(7) == 2


def test_a_strict_scope_asks_once_and_again_when_it_lasts(server, clock):
    shop = Shop(server, clock, "strict")
    shop.price(7)
    asked = shop.ledger.asked
    scope = Scope(shop.engine)
    drive(scope.begin(None))
    for _ in range(3):
        assert shop.price(7) == 1
    assert shop.ledger.asked == asked + 1
    change(shop, 2)
    clock.advance(LASTS + 0.001)
    assert shop.price(7) == 2
    assert shop.ledger.asked == asked + 2
    scope.end()
    shop.price(7)
    assert shop.ledger.asked == asked + 3


def test_strict_loads_past_a_server_that_does_not_answer(server, clock):
    shop = Shop(server, clock, "strict")
    shop.price(7)
    server.up = False
    server.price = 2
    assert [shop.price(7), shop.price(7)] == [2, 2]
    server.up = True
    assert shop.price(7) == 1  # nothing was announced


@pytest.mark.parametrize("level", ["bounded", "session"])
def test_a_token_is_caught_up_with(server, clock, level):
    shop = Shop(server, clock, level)
    shop.price(7)
    change(shop, 2)
    token = Token(7, server.ledger.position())
    scope = Scope(shop.engine)
    drive(scope.begin(token))
    assert shop.price(7) == 2
    assert shop.ledger.asked == 1
    scope.end()


def test_a_token_that_cannot_be_reached_reads_through(server, clock):
    shop = Shop(server, clock, "session")
    shop.price(7)
    change(shop, 2)
    server.up = False
    scope = Scope(shop.engine)
    drive(scope.begin(Token(7, server.ledger.position())))
    assert shop.price(7) == 2
    scope.end()
    assert shop.price(7) == 1  # outside of the scope nobody was promised anything


def test_a_token_of_another_epoch_asks(server, clock):
    shop = Shop(server, clock, "session")
    shop.price(7)
    change(shop, 2)
    scope = Scope(shop.engine)
    drive(scope.begin(Token(6, 1)))
    assert (shop.price(7), shop.ledger.asked) == (2, 1)
    scope.end()


def test_what_another_machine_stored_is_caught_up_with(server, clock):
    ahead, behind = Shop(server, clock, "bounded"), Shop(server, clock, "bounded")
    change(ahead, 2)
    drive(ahead.ledger.confirm())
    assert ahead.price(7) == 2
    assert behind.price(7) == 2
    assert behind.loads == 0  # taken from the store, though this machine had not seen that position


def test_nothing_is_served_while_the_server_is_silent(server, clock):
    shop = Shop(server, clock, "bounded")
    shop.price(7)
    shop.ledger.heard = False
    server.price = 2
    assert [shop.price(7), shop.price(7)] == [2, 2]
    assert shop.loads == 3
    shop.ledger.heard = True
    shop.price(7)
    assert shop.loads == 3  # nothing was announced: what is in memory is as good as before


def test_the_last_good_value_where_the_policy_allows_it(server, clock):
    shop = Shop(server, clock, "bounded")
    options = {"tags": lambda id: [Row("product", id)], "prefix": "patient"}
    policy = Policy.of(ttl=600, stale_after_invalidation=30)
    price = decorate(shop.engine, shop._load, policy, options, KeyMaker)
    price(7)
    shop.engine.tick()
    shop.ledger.heard = False
    server.price = 2
    clock.advance(20)
    shop.engine.tick()
    assert price(7) == 1  # it can't have been marked more than 20 s ago
    clock.advance(20)
    assert price(7) == 2


def test_values_without_tags_depend_on_no_ledger(server, clock):
    shop = Shop(server, clock, "bounded")
    drive(shop.plain.set_many({"session": "s"}, float("inf"), []))
    drive(shop.plain.set_many({"made": "m"}, float("inf"), [Row("product", 7)]))
    shop.ledger.heard = False
    server.up = False
    assert drive(shop.plain.get("session", None)) == "s"
    assert drive(shop.plain.get("made", None)) is None
    shop.ledger.heard = server.up = True
    shop.ledger.epoch = 8
    assert drive(shop.plain.get_many(["session", "made"])) == {"session": "s"}


def test_a_counter_is_not_begun_anew_because_the_ledger_is_silent(server, clock):
    shop = Shop(server, clock, "bounded")
    drive(shop.plain.set_many({"count": 5}, float("inf"), [Row("product", 7)]))
    shop.ledger.heard = server.up = False
    with pytest.raises(BackendError):
        drive(shop.plain.incr("count", 1, 0, float("inf")))
    server.up = True
    assert drive(shop.plain.incr("count", 1, 0, float("inf"))) == 6


@pytest.mark.parametrize("level", ["bounded", "strict"])
def test_tagged_values_are_judged_as_the_level_says(server, clock, level):
    shop = Shop(server, clock, level)
    drive(shop.plain.set_many({"made": "m"}, float("inf"), [Row("product", 7)]))
    assert drive(shop.plain.get("made", None)) == "m"
    change(shop, 2)
    assert drive(shop.plain.get("made", None)) == ("m" if level == "bounded" else None)
