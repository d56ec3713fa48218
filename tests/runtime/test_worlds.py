"""Threads and event loops as the engine sees them: one contract."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from afresh import LoadTimeout
from afresh.runtime.drive import drive
from afresh.runtime.loop import LoopRuntime
from afresh.runtime.threads import ThreadRuntime


@pytest.fixture(params=["threads", "loop"])
def world(request):
    """`run(coroutine function)` with the runtime of that world."""
    if request.param == "threads":
        return lambda function: drive(function(ThreadRuntime()))
    return lambda function: asyncio.run(function(LoopRuntime()))


def test_a_waiter_is_woken_from_another_thread(world):
    async def main(runtime):
        waiter = runtime.waiter()
        threading.Timer(0.001, waiter.wake).start()
        return await runtime.wait(waiter, 5)

    assert world(main) is True


def test_a_waiter_that_was_woken_before_does_not_wait(world):
    async def main(runtime):
        waiter = runtime.waiter()
        waiter.wake()
        waiter.wake()
        return await runtime.wait(waiter, 5)

    assert world(main) is True


def test_a_wait_ends_in_time(world):
    async def main(runtime):
        return await runtime.wait(runtime.waiter(), 0.001)

    assert world(main) is False


def test_a_wait_can_be_continued(world):
    async def main(runtime):
        waiter = runtime.waiter()
        first = await runtime.wait(waiter, 0.001)
        waiter.wake()
        return first, await runtime.wait(waiter, 5)

    assert world(main) == (False, True)


def test_a_loader_within_its_deadline(world):
    async def main(runtime):
        return await runtime.call_within(lambda: 7, 5, lambda value, error: None)

    assert world(main) == 7


def test_a_loader_that_fails_within_its_deadline(world):
    async def main(runtime):
        return await runtime.call_within(lambda: 1 / 0, 5, lambda value, error: None)

    with pytest.raises(ZeroDivisionError):
        world(main)


def test_background_jobs_keep_the_context(world):
    name = contextvars.ContextVar("name", default="nobody")
    done = threading.Event()
    seen = []

    async def main(runtime):
        name.set("somebody")

        async def job(own):
            seen.append(name.get())
            done.set()

        assert runtime.spawn(job)
        await asyncio.sleep(0) if isinstance(runtime, LoopRuntime) else done.wait(5)

    world(main)
    assert seen == ["somebody"]


def test_background_jobs_are_bounded():
    runtime, leave = ThreadRuntime(), threading.Event()

    async def job(own):
        leave.wait(5)

    taken = 0
    while runtime.spawn(job):
        taken += 1
        assert taken < 100
    leave.set()
    assert taken == 16


def test_where_no_thread_can_be_started_no_background_job_is_taken(monkeypatch):
    def no_more(self):
        raise RuntimeError("can't start new thread")

    runtime, done = ThreadRuntime(), threading.Event()

    async def job(own):
        done.set()

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_more)
        assert not any(runtime.spawn(job) for _ in range(100))
        assert drive(runtime.call_within(lambda: 7, 5, lambda value, error: None)) == 7
    assert runtime.spawn(job), "their slots were given back"
    assert done.wait(60)


def test_threads_call_late_results_in():
    gate, told = threading.Event(), threading.Event()
    late = []

    def slow():
        gate.wait(5)
        return 7

    def tell(value, error):
        late.append((value, error))
        told.set()

    with pytest.raises(LoadTimeout):
        drive(ThreadRuntime().call_within(slow, 0.001, tell))
    gate.set()
    assert told.wait(60)
    assert late == [(7, None)]


def test_a_cancelled_task_cancels_its_load():
    async def main():
        entered = asyncio.Event()
        cancelled = []

        async def slow():
            entered.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(1)
                raise

        task = asyncio.ensure_future(LoopRuntime().call_within(slow, 5, lambda value, error: None))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(3):
            await asyncio.sleep(0)
        assert cancelled

    asyncio.run(main())


def test_an_async_loader_in_a_sync_call_is_a_clear_error():
    async def load():
        return 1

    with pytest.raises(TypeError, match=r"cache\.aio"):
        drive(ThreadRuntime().call(load))


def test_a_coroutine_that_suspends_is_a_clear_error():
    class Suspends:
        def __await__(self):
            yield

    async def main():
        await Suspends()

    with pytest.raises(RuntimeError, match=r"cache\.aio"):
        drive(main())


def test_lifelines():
    loop = asyncio.new_event_loop()

    async def line():
        return LoopRuntime().lifeline()

    alive = loop.run_until_complete(line())
    assert alive()
    loop.close()
    assert not alive()
    assert ThreadRuntime().lifeline()()
