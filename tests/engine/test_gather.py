"""A load whose result arrives in parts: when it begins and ends is said by who runs it."""

from __future__ import annotations

import pytest

from afresh import Cache, Kind, tag
from afresh.core.policy import Policy
from afresh.core.tags import hashed
from afresh.engine.asking.tracker import asking
from afresh.engine.changes.invalidate import mark
from afresh.engine.loading.gather import Gathering
from afresh.engine.loading.join import join
from afresh.engine.site import Call
from afresh.runtime.drive import drive
from afresh.testing.capture import capture
from afresh.testing.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock(1_000.0)


@pytest.fixture
def cache(clock):
    with Cache("memory://", clock=clock) as opened:
        yield opened


class World:
    """An engine with one site, and a flight that a gathering leads."""

    def __init__(self, cache):
        self.cache = cache
        self.engine = cache._engine
        self.site = self.engine.site("parts", Policy())
        self.flight = self.join()
        self.gathering = Gathering(self.engine, self.engine.threads, self.call(), self.flight)

    def call(self, key="k"):
        return Call(self.site, key, self.engine.names.full(key), Policy(), lambda: None)

    def join(self):
        return drive(join(self.engine, self.engine.threads, self.call(), self.engine.ledger.position()))

    def keep(self, value, until=2_000.0, **more):
        return drive(self.gathering.keep(value, soft=until, stale_until=until, error_until=until, **more))

    def kept(self, key="k"):
        entry = self.site.space.get(key)
        return entry is not None and self.engine.usable(entry)


@pytest.fixture
def world(cache):
    return World(cache)


def test_what_is_read_between_begin_and_end_counts(world):
    world.cache.depends_on(tag("before"))
    world.gathering.begin()
    world.cache.depends_on(tag("within"))
    world.gathering.end()
    world.cache.depends_on(tag("after"))
    assert world.keep("value").value == "value"
    world.gathering.leave()
    world.cache.invalidate(tag("before"), tag("after"))
    assert world.kept()
    world.cache.invalidate(tag("within"))
    assert not world.kept()
    assert asking() is None


def test_what_changes_before_it_is_whole_is_not_kept(world):
    world.gathering.begin()
    world.cache.depends_on(tag("menu"))
    assert world.gathering.unchanged
    world.cache.invalidate(tag("menu"))
    assert not world.gathering.unchanged
    world.keep("value")
    assert not world.kept()
    assert world.flight.done, "who waits is told all the same"
    world.gathering.leave()


def test_it_lives_no_longer_than_its_parts(world, clock):
    world.gathering.begin()
    world.gathering.tracker.cap(1_010.0)
    world.keep("value", until=5_000.0)
    world.gathering.leave()
    assert world.kept()
    clock.advance(11)
    assert not world.kept()


def test_where_it_belongs_may_come_out_late(world):
    world.gathering.begin()
    world.keep("value", call=world.call("other"))
    world.gathering.leave()
    assert (world.kept("k"), world.kept("other")) == (False, True)


def test_a_release_lets_all_go_before_the_end(world):
    with capture(world.cache) as events:
        world.gathering.begin()
        world.gathering.release("private")
    assert (world.flight.done, world.flight.released, world.flight.made) == (True, True, None)
    assert [each.reason for each in events if each.kind is Kind.FILL_REFUSED] == ["private"]
    world.gathering.leave()
    assert world.join() is not None, "the next one leads"


def test_a_run_that_is_given_up_lets_another_lead(world):
    world.gathering.begin()
    world.gathering.leave()
    assert world.flight.done
    assert not world.flight.released
    world.gathering.leave()


def test_the_right_to_load_is_given_back_once(world):
    given = []

    class Lease:
        found = None

        def release(self):
            given.append(1)

    gathering = Gathering(world.engine, world.engine.threads, world.call(), None, Lease())
    gathering.begin()
    gathering.release("no")
    gathering.leave()
    assert given == [1]


def test_what_it_reads_is_read_by_whoever_asked_for_it(cache):
    with cache.scope() as around:
        world = World(cache)
        world.gathering.begin()
        cache.depends_on(tag("early"))
        world.keep("value")
        assert {"tag:'early'"} < around.dependencies, "and the value's own key"
        cache.depends_on(tag("late"))
        world.gathering.leave()
    assert "tag:'late'" in around.dependencies


def test_what_ends_before_it_has_what_it_has_read_so_far(cache):
    around = World(cache)
    around.gathering.begin()
    within = Gathering(around.engine, around.engine.threads, around.call("within"))
    within.begin()
    cache.depends_on(tag("early"))
    made = around.keep("value")
    within.leave()
    around.gathering.leave()
    assert "tag:'early'" in made.facts.names


class TestAnnouncing:
    """What makes a value may change what it is made from: its own mark alone doesn't overtake it."""

    def begun(self, world, *names):
        world.gathering.begin()
        for name in names or ("a",):
            world.cache.depends_on(tag(name))

    def ended(self, world):
        world.gathering.leave()
        world.gathering.tracker.depends_on(world.engine.ledger, ["own"])
        return world.keep("v")

    def test_its_own_mark_overtakes_what_was_there_and_not_what_it_makes(self, world):
        before = world.engine.ledger.position()
        self.begun(world)
        drive(world.gathering.announce(["own", "group"]))
        self.ended(world)
        assert world.kept()
        assert world.engine.ledger.prove(frozenset([hashed("own")]), before) is None
        drive(mark(world.engine, ["own"]))
        assert not world.kept(), "the next one is another's"

    @pytest.mark.parametrize("name", ["own", "tag:'a'"])
    def test_what_anybody_else_marked_before_it_counts(self, world, name):
        self.begun(world)
        drive(mark(world.engine, [name]))
        drive(world.gathering.announce(["own"]))
        self.ended(world)
        assert not world.kept()

    @pytest.mark.parametrize("name", ["own", "tag:'a'", "something else"])
    def test_what_anybody_else_marks_between_its_look_and_its_mark_counts(self, world, monkeypatch, name):
        self.begun(world)
        announce = world.engine.ledger.announce

        async def late(tags):
            await announce([hashed(name)])
            return await announce(tags)

        monkeypatch.setattr(world.engine.ledger, "announce", late)
        drive(world.gathering.announce(["own"]))
        self.ended(world)
        assert not world.kept()

    def test_what_it_reads_afterwards_may_be_of_an_older_snapshot(self, world):
        self.begun(world)
        drive(world.gathering.announce(["own"]))
        world.cache.depends_on(tag("late"))
        made = self.ended(world)
        assert not world.kept()
        assert "after it has announced" in made.refused

    def test_what_is_marked_at_a_commit_overtakes_it(self, world):
        """Until then nobody knows its number."""
        self.begun(world)
        with world.cache.writing():
            drive(world.gathering.announce(["own"]))
        self.ended(world)
        assert not world.kept()
