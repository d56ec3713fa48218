"""Dependencies travel up, and so does how old the parts are."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from afresh import Cache, Key, Row, Table, tag
from afresh.core.events import Kind


def test_a_whole_is_dropped_with_its_part(cache, loader):
    part = cache.cached(tags=[tag("t")], prefix="part")(lambda: loader())
    whole = cache.cached(prefix="whole")(lambda: part() * 10)
    assert whole() == 10
    cache.invalidate(tag("t"))
    assert whole() == 20


def test_also_when_the_part_was_a_hit(cache, loader):
    part = cache.cached(tags=[tag("t")], prefix="part")(lambda: loader())
    part()
    whole = cache.cached(prefix="whole")(lambda: part() * 10)
    whole()
    cache.invalidate(tag("t"))
    assert whole() == 20


def test_also_through_three_levels_and_by_key(cache, loader):
    query = cache.cached(prefix="query")(lambda id: loader())
    fragment = cache.cached(prefix="fragment")(lambda id: query(id))
    page = cache.cached(prefix="page")(lambda: (fragment(1), fragment(2)))
    assert page() == (1, 2)
    query.invalidate(2)
    assert page() == (1, 3)


def test_a_part_that_was_put_by_hand_is_one_too(cache, loader):
    whole = cache.cached(prefix="whole")(lambda: cache.get_or_load("part", loader) * 10)
    cache.set("part", 2)
    assert whole() == 20
    cache.set("part", 3)
    assert whole() == 30
    assert loader.calls == 0


def test_a_part_that_raised_is_a_part_all_the_same(cache, loader):
    part = cache.cached(tags=[Row("product", 7)], prefix="part")(lambda: loader())
    loader.error = LookupError()

    @cache.cached
    def whole():
        try:
            return part()
        except LookupError:
            return "sold out"

    assert whole() == "sold out"
    loader.error = None
    assert whole() == "sold out"
    cache.invalidate(Row("product", 7))
    assert whole() == 2


def test_what_was_not_there_is_a_part_too(cache):
    whole = cache.cached(lambda: cache.get("greeting", "hello"))
    assert whole() == "hello"
    cache.set("greeting", "good morning")
    assert whole() == "good morning"
    cache.set("greeting", "good evening")
    assert whole() == "good evening"
    cache.delete("greeting")
    assert whole() == "hello"


def test_what_is_made_from_a_value_inherits_its_tags_and_its_age(cache, clock):
    cache.set("rate", 1.0, tags=[tag("fx")])
    converted = cache.cached(prefix="one")(lambda: cache.get("rate", 0.0))
    many = cache.cached(prefix="many")(lambda: dict(cache.get_many(["rate", "absent"])))
    assert (converted(), many()) == (1.0, {"rate": 1.0})
    cache.invalidate(tag("fx"))
    assert (converted(), many()) == (0.0, {})
    cache.set("rate", 2.0, ttl=10)
    assert (converted(), many()) == (2.0, {"rate": 2.0})
    clock.advance(11)
    assert (converted(), many()) == (0.0, {})


def test_a_key_that_is_declared_is_a_dependency(cache, loader):
    cached = cache.cached(tags=[Key("menu")], prefix="declared")(lambda: loader())

    @cache.cached
    def said():
        cache.depends_on(Key("menu"))
        return loader()

    for change in (lambda: cache.set("menu", 1), lambda: cache.incr("menu"), lambda: cache.delete("menu")):
        before = cached(), said()
        change()
        assert cached() != before[0]
        assert said() != before[1]


def test_a_scope_within_a_load_passes_on_what_was_read_in_it(cache, loader):
    part = cache.cached(tags=[tag("t")], prefix="part")(lambda: loader())

    @cache.cached
    def whole():
        with cache.scope():
            return part() * 10

    with cache.scope() as outer:
        assert whole() == 10
        with cache.scope():
            cache.depends_on(tag("inner"))
    assert {"tag:'t'", "tag:'inner'"} <= outer.dependencies
    cache.invalidate(tag("t"))
    assert whole() == 20


def test_what_a_task_reads_after_the_load_is_no_part_of_it(cache, loader):
    part = cache.cached(tags=[tag("t")], prefix="part")(lambda: loader())
    left = []

    async def main():
        leave = asyncio.Event()

        async def worker():
            await leave.wait()
            part()

        async def load():
            left.append(asyncio.create_task(worker()))
            await asyncio.sleep(0)
            return loader()

        whole = cache.cached(prefix="whole")(load)
        first = await whole()
        leave.set()
        await left[0]
        cache.invalidate(tag("t"))
        return first, await whole()

    first, second = asyncio.run(main())
    assert first == second


def test_very_many_parts_are_added_up(cache, loader):
    part = cache.cached(tags=lambda n: [tag(n)], prefix="part")(lambda n: n)
    whole = cache.cached(prefix="whole")(lambda: sum(part(n) for n in range(9000)) + loader())
    first = whole()
    cache.invalidate(tag(5))
    assert whole() != first


def test_depends_on_names_what_cannot_be_seen(cache, loader):
    @cache.cached
    def reads_a_file():
        cache.depends_on(Table("prices"))
        return loader()

    reads_a_file()
    cache.invalidate(Row("prices", 1))
    assert reads_a_file() == 2


def test_a_whole_does_not_outlive_its_part(cache, clock, loader):
    part = cache.cached(ttl=10, prefix="part")(lambda: loader())
    whole = cache.cached(ttl=100, prefix="whole")(lambda: part())
    part()
    clock.advance(9)
    assert whole() == 1
    clock.advance(2)
    assert whole() == 2


def test_a_whole_made_from_a_stale_part_is_stale_itself(cache, clock, loader):
    part = cache.cached(ttl=10, stale_if_error=100, prefix="part")(lambda: loader())
    whole = cache.cached(ttl=100, prefix="whole")(lambda: part())
    part()
    clock.advance(11)
    loader.error = OSError()
    assert whole() == 1
    loader.error = None
    assert whole() == 3


def test_dependencies_reach_over_tasks_and_copied_contexts(cache, loader):
    part = cache.cached(prefix="part", tags=lambda n: [tag(n)])(lambda n: loader())

    @cache.cached
    async def whole():
        async def one(n):
            return part(n)

        return sum(await asyncio.gather(one(1), one(2), asyncio.to_thread(part, 3)))

    @cache.cached
    def threaded():
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(part, 1))
        thread.start()
        thread.join()
        return loader()

    first, second = asyncio.run(whole()), threaded()
    cache.invalidate(tag(3))
    assert asyncio.run(whole()) != first
    cache.invalidate(tag(1))
    assert threaded() != second


def test_what_another_ledger_numbers_is_not_kept(cache, loader):
    with Cache("memory://") as other:
        events = []
        cache.listen(events.append)
        part = other.cached(tags=[tag("t")], prefix="part")(lambda: loader())
        whole = cache.cached(prefix="whole")(lambda: part())
        outer = cache.cached(prefix="outer")(lambda: whole())
        assert outer() == 1
        other.invalidate(tag("t"))
        assert outer() == 2
        assert {e.key for e in events if e.kind is Kind.FILL_REFUSED} == {":whole()", ":outer()"}


def test_a_scope_collects_what_was_read(cache, loader):
    part = cache.cached(tags=[Row("product", 7)], prefix="part")(lambda: loader())
    with cache.scope() as scope:
        part()
        part()
    assert "row::product:7:any" in scope.dependencies
    with cache.scope() as empty:
        pass
    assert not empty.dependencies


def test_reads_within_a_load_are_recorded_on_the_hot_path_too(loader):
    """By the system's clock, where hits are answered by the generated wrapper."""
    with Cache("memory://") as cache:
        part = cache.cached(tags=[tag("t")], prefix="part")(lambda: loader())
        for _ in range(3):
            part()
        whole = cache.cached(prefix="whole")(lambda: part() * 10)
        whole()
        cache.invalidate(tag("t"))
        assert whole() == 20


@pytest.mark.parametrize("inside", ["load", "scope"])
def test_another_thread_loading_disturbs_nobody(cache, loader, inside):
    """Trackers belong to contexts: what one thread reads is no part of what another loads."""
    part = cache.cached(tags=[tag("t")], prefix="part")(lambda: loader())
    entered, leave = threading.Event(), threading.Event()

    def wait():
        entered.set()
        leave.wait(5)
        return loader()

    slow = cache.cached(prefix="slow")(wait)
    thread = threading.Thread(target=slow)
    thread.start()
    entered.wait(5)
    part()
    leave.set()
    thread.join()
    before = loader.calls
    cache.invalidate(tag("t"))
    slow()
    assert loader.calls == before
