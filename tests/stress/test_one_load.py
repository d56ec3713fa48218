"""However many miss at once, one of them loads, and the others get its value when it is there."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from crew import Crew, result
from table import Table

from afresh import Cache
from sizes import seed

pytestmark = pytest.mark.slow

LOAD = 0.2


@pytest.fixture
def cache():
    with Cache("memory://") as opened:
        yield opened


class Slow:
    """A load that takes a while, and says when it ended."""

    def __init__(self):
        self.loads = 0

    def sync(self):
        self.loads += 1
        time.sleep(LOAD)
        return time.monotonic()

    async def tasks(self):
        self.loads += 1
        await asyncio.sleep(LOAD)
        return time.monotonic()


def call_in_threads(function, count):
    late, start = [], threading.Barrier(count)

    def call():
        start.wait()
        ended = function()
        late.append(time.monotonic() - ended)

    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, late


def test_100_threads(cache):
    slow = Slow()
    threads, late = call_in_threads(cache.cached(prefix="slow")(slow.sync), 100)
    for thread in threads:
        thread.join()
    assert slow.loads == 1
    assert len(late) == 100


def test_100_tasks(cache):
    slow = Slow()
    cached = cache.cached(prefix="slow")(slow.tasks)

    async def main():
        return await asyncio.gather(*(cached() for _ in range(100)))

    assert len(set(asyncio.run(main()))) == 1
    assert slow.loads == 1


def test_threads_and_tasks_of_two_loops_together(cache):
    slow = Slow()
    values = []

    def loop():
        async def main():
            return await asyncio.gather(*(cache.aio.get_or_load("k", slow.tasks) for _ in range(25)))

        values.extend(asyncio.run(main()))

    loops = [threading.Thread(target=loop) for _ in range(2)]
    for thread in loops:
        thread.start()
    threads, _ = call_in_threads(lambda: cache.get_or_load("k", slow.sync), 50)
    for thread in [*loops, *threads]:
        thread.join()
    assert slow.loads == 1
    assert len(set(values)) == 1


def test_four_processes_with_25_callers_each(tmp_path):
    Table(tmp_path / "table")
    crew = Crew(tmp_path, seed())
    processes = [crew.start("loader", 0, number) for number in range(4)]
    deadline = time.monotonic() + 30
    while len(list(tmp_path.glob("ready-*"))) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (tmp_path / "go").touch()
    counts = [result(process) for process in processes]
    assert len((tmp_path / "loads").read_text().split()) == 1
    print(f"\nlast waiter after the load: {max(count['late_ms'] for count in counts)} ms")


def test_a_holder_that_is_killed_is_followed_by_another(tmp_path):
    Table(tmp_path / "table")
    crew = Crew(tmp_path, seed())
    processes = [crew.start("loader", 0, number) for number in range(3)]
    deadline = time.monotonic() + 30
    while len(list(tmp_path.glob("ready-*"))) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (tmp_path / "go").touch()
    log = tmp_path / "loads"
    while not log.exists() or not log.read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    holder = int(log.read_text().split()[0])
    for process in processes:
        if process.pid == holder:
            process.kill()
            process.communicate()
    others = [result(process) for process in processes if process.pid != holder]
    assert len(others) == 2
    assert len(log.read_text().split()) == 2


def test_a_cancelled_leader_hurts_nobody(cache):
    slow = Slow()
    cached = cache.cached(prefix="slow")(slow.tasks)

    async def main():
        leader = asyncio.ensure_future(cached())
        await asyncio.sleep(0)
        followers = [asyncio.ensure_future(cached()) for _ in range(10)]
        await asyncio.sleep(0)
        leader.cancel()
        return await asyncio.gather(*followers)

    assert len(set(asyncio.run(main()))) == 1
    assert slow.loads == 2


def test_two_cancelled_leaders_are_no_stampede(cache):
    slow = Slow()
    cached = cache.cached(prefix="slow")(slow.tasks)

    async def main():
        tasks = [asyncio.ensure_future(cached()) for _ in range(100)]
        for leader in tasks[:2]:
            await asyncio.sleep(0.01)
            leader.cancel()
        return await asyncio.gather(*tasks[2:])

    assert len(set(asyncio.run(main()))) == 1
    assert slow.loads == 3


def test_a_lock_of_the_callers_is_no_deadlock(cache, monkeypatch):
    """One loads and wants the lock; the other has the lock and waits for that load."""
    monkeypatch.setattr("afresh.engine.loading.join._LEAST_PATIENCE", 0.2)
    lock, loading = threading.Lock(), threading.Event()

    def load():
        loading.set()
        with lock:
            return 1

    def holder():
        with lock:
            first.start()
            loading.wait(5)
            return cache.get_or_load("k", lambda: 2)

    first = threading.Thread(target=lambda: cache.get_or_load("k", load))
    assert holder() == 2
    first.join(timeout=5)
    assert not first.is_alive()


def test_a_loop_that_is_closed_in_the_middle_hurts_nobody(cache):
    slow = Slow()
    loop = asyncio.new_event_loop()
    pending = loop.create_task(cache.aio.get_or_load("k", slow.tasks))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    threads, late = call_in_threads(lambda: cache.get_or_load("k", slow.sync), 5)
    for thread in threads:
        thread.join(timeout=10)
    assert len(late) == 5
    assert slow.loads == 2
    pending._log_destroy_pending = False


def test_a_sync_call_on_a_loops_own_thread_does_not_wait_for_that_loop(cache):
    slow = Slow()

    async def main():
        leading = asyncio.ensure_future(cache.aio.get_or_load("k", slow.tasks))
        await asyncio.sleep(0)
        value = cache.get_or_load("k", lambda: "loaded alone")
        return value, await leading

    assert asyncio.run(main())[0] == "loaded alone"


def test_two_loads_that_wait_for_each_other_are_no_deadlock(cache):
    both = threading.Barrier(2, timeout=5)

    def crossing(mine, other):
        def load():
            try:
                both.wait()
            except threading.BrokenBarrierError:
                return mine
            return cache.get_or_load(other, lambda: f"{other} alone")

        return cache.get_or_load(mine, load)

    threads = [threading.Thread(target=crossing, args=pair) for pair in (("a", "b"), ("b", "a"))]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert time.monotonic() - began < 5
    assert not any(thread.is_alive() for thread in threads)
