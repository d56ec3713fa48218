"""How many loads run at once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from afresh import Cache, ConfigurationError


def waiters_of(cache: Cache) -> threading.Semaphore:
    """Can be taken once for each thread that has begun to wait."""
    waiting, waiter = threading.Semaphore(0), cache._engine.threads.waiter

    def counted():
        waiting.release()
        return waiter()

    cache._engine.threads.waiter = counted
    return waiting


def test_no_more_loads_than_allowed_run_at_once_in_threads():
    running, most, gate = [0], [0], threading.Semaphore(0)
    full = threading.Event()
    lock = threading.Lock()

    def load(number: int) -> int:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
            if running[0] == 3:
                full.set()
        gate.acquire(timeout=10)
        with lock:
            running[0] -= 1
        return number

    with Cache("memory://", max_loads=3) as cache:
        cached = cache.cached(load)
        waiting = waiters_of(cache)
        results: list[int] = []
        threads = [
            threading.Thread(target=lambda number=number: results.append(cached(number)))
            for number in range(12)
        ]
        for thread in threads:
            thread.start()
        assert full.wait(10)
        assert all(waiting.acquire(timeout=10) for _ in range(9))
        for _ in threads:
            gate.release()
        for thread in threads:
            thread.join(10)
        assert sorted(results) == list(range(12))
        assert most[0] == 3
        assert cache.stats().waited == 9


def test_no_more_loads_than_allowed_run_at_once_in_tasks():
    async def main() -> int:
        running, most = 0, 0

        async def load(number: int) -> int:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return number

        with Cache("memory://", max_loads=2) as cache:
            cached = cache.cached(load)
            assert await asyncio.gather(*map(cached, range(50))) == list(range(50))
        return most

    assert asyncio.run(main()) == 2


def test_a_cancelled_load_gives_its_place_on():
    async def main() -> None:
        with Cache("memory://", max_loads=1) as cache:
            begun, end = asyncio.Event(), asyncio.Event()

            async def load(number: int) -> int:
                begun.set()
                await end.wait()
                return number

            cached = cache.cached(load)
            tasks = [asyncio.ensure_future(cached(number)) for number in range(4)]
            await begun.wait()
            await asyncio.sleep(0)
            tasks[0].cancel()
            tasks[2].cancel()
            end.set()
            assert await asyncio.wait_for(asyncio.gather(tasks[1], tasks[3]), 5) == [1, 3]

    asyncio.run(main())


def test_a_load_within_a_load_needs_no_place_of_its_own():
    with Cache("memory://", max_loads=1) as cache:
        inner = cache.cached(lambda: 1)
        outer = cache.cached(lambda: inner() + 1)
        assert outer() == 2


def test_a_failed_load_gives_its_place_back():
    with Cache("memory://", max_loads=1) as cache:

        @cache.cached
        def fails(number: int) -> int:
            raise ValueError(number)

        for number in range(3):
            with pytest.raises(ValueError, match=str(number)):
                fails(number)


@pytest.mark.parametrize("wrong", [0, -1, "many", True, 1.5])
def test_a_limit_is_a_number(wrong):
    with pytest.raises(ConfigurationError, match="max_loads"):
        Cache("memory://", max_loads=wrong)
