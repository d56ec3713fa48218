"""Age, errors, deadlines: with a clock that stands still until told."""

from __future__ import annotations

import asyncio
import threading

import pytest

from afresh import LoadTimeout, UncacheableValue, tag
from afresh.core.events import Kind
from afresh.runtime import gate as gate_module
from afresh.runtime.drive import drive


@pytest.fixture
def background(cache):
    """Runs background refreshes at once when asked to, in the caller's thread."""
    jobs = []
    runtime = cache._engine.threads
    runtime.spawn = lambda job: jobs.append(job) or True

    def run():
        while jobs:
            drive(jobs.pop(0)(runtime))

    return run


def test_ttl(cache, clock, loader):
    cached = cache.cached(ttl=10)(lambda: loader())
    assert cached() == 1
    clock.advance(9.99)
    assert cached() == 1
    clock.advance(0.01)
    assert cached() == 2


def test_stale_while_revalidate_serves_the_old_value_and_loads_once(cache, clock, loader, background):
    cached = cache.cached(ttl=10, stale_while_revalidate=5)(lambda: loader())
    cached()
    clock.advance(12)
    assert [cached(), cached()] == [1, 1]
    background()
    assert loader.calls == 2
    assert cached() == 2
    clock.advance(16)
    assert cached() == 3


def test_an_invalidated_value_is_not_served_while_it_revalidates(cache, clock, loader):
    cached = cache.cached(ttl=10, stale_while_revalidate=5, stale_if_error=50, tags=[tag("t")])(
        lambda: loader()
    )
    cached()
    cache.invalidate(tag("t"))
    assert cached() == 2
    cache.invalidate(tag("t"))
    loader.error = OSError("down")
    with pytest.raises(OSError, match="down"):
        cached()


def test_stale_after_invalidation_counts_from_the_mark(cache, clock, loader, background):
    cached = cache.cached(ttl=100, stale_after_invalidation=5, tags=[tag("t")])(lambda: loader())
    cached()
    cache._engine.tick()
    clock.advance(1)
    cache.invalidate(tag("t"))
    clock.advance(3)
    assert cached() == 1
    background()
    assert cached() == 2
    cache._engine.tick()
    cache.invalidate(tag("t"))
    clock.advance(6)
    assert cached() == 3


def test_stale_if_error(cache, clock, loader):
    cached = cache.cached(ttl=10, stale_if_error=20)(lambda: loader())
    cached()
    clock.advance(15)
    loader.error = OSError("down")
    assert cached() == 1
    clock.advance(16)
    with pytest.raises(OSError, match="down"):
        cached()


def test_early_refresh_never_blocks_and_happens_before_expiry(cache, clock, loader, background):
    cache._engine.threads.random = lambda: 0.999999

    def slow():
        clock.advance(2)
        return loader()

    cached = cache.cached(ttl=100, early=1)(slow)
    assert cached() == 1
    clock.advance(50)
    assert cached() == 1
    clock.advance(45)
    assert cached() == 1
    background()
    assert cached() == 2


def test_jitter_spreads_expiry(cache, clock, loader):
    draws = iter([0.0, 0.9, *[0.5] * 50])
    cache._engine.threads.random = lambda: next(draws)
    lives = set()
    cached = cache.cached(ttl=100, jitter=0.5)(lambda n: loader())
    for n in range(5):
        cached(n)
        lives.add(cache.explain(cached.key(n)).expires_in)
    assert len(lives) > 1
    assert all(50 <= life <= 100 for life in lives)


def test_exceptions_are_remembered_by_type_when_asked(cache, clock, loader):
    cached = cache.cached(ttl=100, negative_ttl=5, negative=LookupError)(lambda: loader())
    loader.error = LookupError("gone")
    for _ in range(3):
        with pytest.raises(LookupError, match="gone"):
            cached()
    assert loader.calls == 1
    clock.advance(6)
    loader.error = ValueError("again")
    for _ in range(2):
        with pytest.raises(ValueError, match="again"):
            cached()
    assert loader.calls == 3


def test_an_exception_is_not_remembered_in_place_of_an_old_value(cache, clock, loader, background):
    cached = cache.cached(ttl=10, stale_while_revalidate=5, stale_if_error=20, negative_ttl=3)(
        lambda: loader()
    )
    cached()
    loader.error = LookupError("down")
    for seconds in (11, 1, 4, 13):
        clock.advance(seconds)
        assert cached() == 1
        background()
    clock.advance(10)
    calls = loader.calls
    for _ in range(3):
        with pytest.raises(LookupError, match="down"):
            cached()
    assert loader.calls == calls + 1


def test_a_remembered_exception_is_dropped_like_a_value(cache, loader):
    cached = cache.cached(negative_ttl=5, tags=[tag("t")])(lambda: loader())
    loader.error = LookupError()
    with pytest.raises(LookupError):
        cached()
    loader.error = None
    cache.invalidate(tag("t"))
    assert cached() == 2


def test_the_hard_deadline_ends_the_wait_but_not_the_load(cache, loader):
    gate, ended = threading.Event(), threading.Event()
    cache.listen(lambda event: ended.set() if event.kind is Kind.FILL else None)

    def slow():
        gate.wait(5)
        return loader()

    cached = cache.cached(hard_deadline=0.25, prefix="slow")(slow)
    with pytest.raises(LoadTimeout):
        cached()
    gate.set()
    assert ended.wait(60)
    assert cached() == 1


def test_the_soft_deadline_serves_the_old_value(cache, clock, loader):
    gate, ended = threading.Event(), threading.Event()
    gate.set()

    def slow():
        assert gate.wait(60)
        return loader()

    cached = cache.cached(ttl=10, stale_if_error=100, soft_deadline=0.25, prefix="slow")(slow)
    assert cached() == 1
    clock.advance(11)
    gate.clear()
    assert cached() == 1
    cache.listen(lambda event: ended.set() if event.kind is Kind.FILL else None)
    gate.set()
    assert ended.wait(60)
    assert cached() == 2


def test_deadlines_in_an_event_loop(cache, loader):
    async def main():
        gate = asyncio.Event()

        @cache.cached(hard_deadline=0.25, prefix="slow")
        async def slow():
            await gate.wait()
            return loader()

        with pytest.raises(LoadTimeout):
            await slow()
        gate.set()
        for _ in range(10):
            await asyncio.sleep(0)
        assert await slow.peek() == 1

    asyncio.run(main())


def test_what_a_late_load_reads_is_still_a_dependency(cache, loader):
    gate, ended = threading.Event(), threading.Event()
    part = cache.cached(tags=[tag("t")], prefix="part")(lambda: loader())
    part()

    def slow():
        gate.wait(5)
        return part()

    cached = cache.cached(hard_deadline=0.25, prefix="whole")(slow)
    with pytest.raises(LoadTimeout):
        cached()
    cache.listen(lambda event: ended.set() if event.kind is Kind.FILL else None)
    gate.set()
    assert ended.wait(60)
    assert cached() == 1
    cache.invalidate(tag("t"))
    assert cached() == 2


def test_a_remembered_exception_carries_nothing_of_others(cache, loader):
    cached = cache.cached(negative_ttl=5)(lambda: loader())
    loader.error = LookupError("gone")
    raised = []
    for secret in ("one", "two"):
        try:
            try:
                raise KeyError(secret)
            except KeyError:
                cached()
        except LookupError as error:
            raised.append(error)
    assert raised[0] is not raised[1]
    assert raised[1].args == ("gone",)
    assert "one" not in str(raised[1].__context__)
    assert cache.explain(cached.key()).hits == 1


def test_a_timeout_of_another_load_within_is_not_our_own(cache, loader):
    gate = threading.Event()
    inner = cache.cached(hard_deadline=0.01, prefix="inner")(lambda: gate.wait(5))
    outer = cache.cached(hard_deadline=5, prefix="outer")(lambda: inner())
    before = len(gate_module._tracking.by)
    with pytest.raises(LoadTimeout):
        outer()
    ended = threading.Event()
    cache.listen(lambda event: ended.set() if event.kind is Kind.FILL else None)
    gate.set()
    assert ended.wait(60)
    assert len(gate_module._tracking.by) == before


def test_an_async_generator_is_refused(cache):
    async def generate():
        yield 1

    cached = cache.cached(lambda: generate())
    with pytest.raises(UncacheableValue, match="iterator"):
        cached()
