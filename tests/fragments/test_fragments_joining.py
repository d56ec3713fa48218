"""Whoever waits for another's fragment gets none that shows what was read before he asked."""

from __future__ import annotations

import random
import threading

import pytest

from afresh import Cache, tag
from afresh.core.policy import Policy
from afresh.core.verdict import FOREVER
from afresh.engine.asking.tracker import Tracker
from afresh.engine.loading.flights import Flights
from afresh.engine.loading.join import join
from afresh.engine.loading.made import Made
from afresh.engine.site import Call
from afresh.fragments import Outside, Wanted, fragments_of
from afresh.runtime.drive import drive
from sizes import seed, size


class Landed:
    """Flights that have ended already, one after the other."""

    def __init__(self, engine, stamps):
        self.engine = engine
        self.stamps = stamps
        self.real = engine.flights.enter

    def enter(self, key, runtime):
        flight, _ = self.real(key, runtime)
        if not self.stamps:
            return flight, True
        tracker = Tracker(self.engine.ledger, self.stamps.pop(0), None)
        tracker.depends_on(self.engine.ledger, ["tag:'it'"])
        self.engine.flights.land(
            flight, Made.under(tracker, "old", key=key, began=0.0, cost=0.0, lives=FOREVER)
        )
        return flight, False


@pytest.mark.parametrize(("later", "joined"), [(False, False), (True, True)])
def test_a_second_flight_may_show_what_was_read_before_the_call(monkeypatch, later, joined):
    """It began after the call, but the page that it was made for did not."""
    with Cache("memory://") as cache:
        engine = cache._engine
        before = engine.ledger.position()
        cache.invalidate(tag("it"))
        asked_at = engine.ledger.position()
        landed = Landed(engine, [before, asked_at if later else before])
        monkeypatch.setattr(Flights, "enter", lambda _, *given: landed.enter(*given))
        call = Call(engine.site("x", Policy()), "k", engine.names.full("k"), Policy(), lambda: None)
        found = drive(join(engine, engine.threads, call, asked_at))
        assert isinstance(found, Made) is joined


def test_nobody_sees_what_is_older_than_his_page():
    """Views that read, fragments that show it, and a writer, in threads."""
    with Cache("memory://") as cache:
        told = Counted(cache)
        threads = [threading.Thread(target=told.visit, args=(each,)) for each in range(4)]
        for thread in threads:
            thread.start()
        told.write()
        for thread in threads:
            thread.join()
        assert told.stale == []
        assert told.visits > 0


class Counted:
    """Numbers that only grow, each the text of a fragment."""

    def __init__(self, cache):
        self.cache = cache
        self.numbers = dict.fromkeys(range(3), 0)
        self.written = dict(self.numbers)
        self.over = False
        self.stale = []
        self.visits = 0

    def write(self):
        chance = random.Random(seed())
        for _ in range(size(500, 20_000)):
            key = chance.choice(list(self.numbers))
            self.numbers[key] += 1
            self.cache.invalidate(tag(key))
            self.written[key] = self.numbers[key]
        self.over = True

    def visit(self, number):
        chance = random.Random(seed() + number)
        while not self.over:
            key, least = chance.choice(list(self.written.items()))
            with self.cache.scope():
                self.cache.depends_on(tag(key))
                shown = int(self.shown(key, self.numbers[key], chance.random() < 0.5))
            self.visits += 1
            if shown < least:
                self.stale.append((key, shown, least))

    def shown(self, key, number, named):
        outside = Outside(named=["n"]) if named else Outside(shown=["n"])
        wanted = Wanted(f"{named}", lambda: str(number), (key,), outside=lambda: outside, address="/")
        return fragments_of(self.cache).rendered(wanted)
