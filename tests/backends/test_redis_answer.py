"""An answer wakes its task in the callback that reads it: who goes on when, and what if that can't be."""

from __future__ import annotations

import asyncio
import functools
from contextvars import ContextVar

import pytest
import uvloop
from fake_redis import FakeRedis

from afresh.backends.redis.connect import open_client
from afresh.backends.redis.wire.answer import Answer
from afresh.backends.redis.wire.gone import Gone

ASKED_BY = ContextVar("ASKED_BY", default="nobody")


def on_a_loop(test):
    """Let a test be a coroutine."""

    @functools.wraps(test)
    def run():
        asyncio.run(test())

    return run


async def waiting(answer, told):
    """Await an answer, and tell what came of it."""
    try:
        told.append(await answer)
    except Gone:
        told.append("gone")
    except asyncio.CancelledError:
        told.append("cancelled")
        raise


async def begun(told):
    """An answer, and the task that has begun to await it."""
    answer = Answer()
    task = asyncio.ensure_future(waiting(answer, told))
    await asyncio.sleep(0)
    return answer, task


def from_a_callback(act):
    """Do it as the loop's callbacks do: no task runs then."""
    done = asyncio.get_running_loop().create_future()

    def callback():
        done.set_result(act())

    asyncio.get_running_loop().call_soon(callback)
    return done


@on_a_loop
async def test_the_task_has_gone_on_before_set_result_returns():
    told = []
    answer, task = await begun(told)
    assert await from_a_callback(lambda: answer.set_result(1) or list(told)) == [1]
    await task


@on_a_loop
async def test_it_goes_on_in_its_own_context():
    ASKED_BY.set("the task")
    seen = []

    async def asks(answer):
        await answer
        seen.append(ASKED_BY.get())

    answer = Answer()
    task = asyncio.ensure_future(asks(answer))
    await asyncio.sleep(0)
    ASKED_BY.set("somebody else")
    await from_a_callback(lambda: answer.set_result(1))
    await task
    assert seen == ["the task"]


@on_a_loop
async def test_a_result_that_was_there_first_is_not_waited_for():
    answer = Answer()
    answer.set_result(1)
    assert await answer == 1


@on_a_loop
async def test_an_error_wakes_it_in_the_next_turn():
    told = []
    answer, task = await begun(told)
    assert await from_a_callback(lambda: answer.set_exception(Gone("x")) or list(told)) == []
    await task
    assert told == ["gone"]


@on_a_loop
async def test_whoever_is_cancelled_gets_no_answer():
    told = []
    answer, task = await begun(told)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (told, answer.cancelled()) == (["cancelled"], True)


@on_a_loop
async def test_cancelled_and_answered_in_one_turn():
    """The task has the answer and goes on with it; what it awaits next is cancelled, as with any future."""
    told = []
    answer, task = await begun(told)

    def both():
        answer.set_result(1)
        return task.cancel()

    assert await from_a_callback(both) is False  # it has ended
    assert told == [1]


@on_a_loop
async def test_where_a_task_runs_it_waits_for_its_turn():
    told = []
    answer, task = await begun(told)
    answer.set_result(1)  # from this task
    assert told == []
    await task
    assert told == [1]


@on_a_loop
async def test_others_may_look_too():
    told = []
    answer = Answer()
    answer.add_done_callback(lambda done: told.append(done.result()))
    await from_a_callback(lambda: answer.set_result(1))
    await asyncio.sleep(0)
    assert told == [1]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_all_that_came_together_go_on_and_ask_together(run):
    """One packet of answers, then one packet of what was asked on account of them."""

    def answers(packet):
        return b"+yes\r\n" * packet.count(b"GET")

    async def caller(client):
        return [await client.run("GET", str(number)) for number in range(3)]

    async def main(client):
        await client.run("GET", "connected")
        first = asyncio.ensure_future(caller(client))  # goes out alone; the others gather behind it
        return await asyncio.gather(first, *(caller(client) for _ in range(20)))

    with FakeRedis(answers) as fake:
        client = open_client(f"{fake.url}?timeout=5")
        assert run(main(client)) == [[b"yes"] * 3] * 21
        client.close()
        packets = [packet.count(b"GET") for packet in fake.heard if b"GET" in packet]
    assert sum(packets) == 1 + 21 * 3
    assert len(packets) <= 1 + 2 * 3


def test_an_interrupt_in_one_task_leaves_the_others_their_answers():
    class Interrupt(KeyboardInterrupt):
        """Which asyncio lets out of a task."""

    async def interrupted(client):
        await client.run("GET", "k")
        raise Interrupt

    with FakeRedis(lambda packet: b"+yes\r\n" * packet.count(b"GET")) as fake:
        client = open_client(f"{fake.url}?timeout=5")
        loop = asyncio.new_event_loop()
        loop.run_until_complete(client.run("GET", "connected"))
        alone = loop.create_task(client.run("GET", "goes out alone"))
        first = loop.create_task(interrupted(client))
        others = [loop.create_task(client.run("GET", "k")) for _ in range(5)]
        with pytest.raises(Interrupt):
            loop.run_until_complete(asyncio.wait([alone, first, *others]))
        assert loop.run_until_complete(asyncio.gather(*others)) == [b"yes"] * 5
        client.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        assert isinstance(first.exception(), Interrupt)
