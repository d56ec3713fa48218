"""One client in many worlds: loops that come and go, callers that are cancelled, forks."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import warnings

import pytest
from redis_room import another  # noqa: F401  a fixture

from afresh.backends.redis.servers import RedisClient
from afresh.runtime.drive import drive
from afresh.testing.servers import RedisServer

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def client(another, server) -> RedisClient:  # noqa: F811
    return another(server)


def connections(client):
    return drive(client.run("CLIENT", "LIST")).count(b"name=afresh")


def test_each_loop_has_a_connection_of_its_own_and_a_closed_loop_keeps_none(client):
    drive(client.run("SET", "k", "v"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            assert asyncio.run(client.run("GET", "k")) == b"v"
            client.look_after()
            gc.collect()
            assert connections(client) == 1
    assert not caught


def test_two_loops_in_two_threads(client):
    async def work():
        return [await client.run("INCR", "n") for _ in range(200)]

    got = []
    threads = [threading.Thread(target=lambda: got.extend(asyncio.run(work()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(1, 401))


def test_a_synchronous_call_in_a_loops_thread_blocks_instead_of_suspending(client):
    async def main():
        assert await client.run("SET", "k", "v") == b"OK"
        assert drive(client.run("GET", "k")) == b"v"
        assert await client.run("GET", "k") == b"v"

    asyncio.run(main())


def test_one_cancelled_caller_among_many(client):
    async def one(number):
        return await client.run("ECHO", number)

    async def main():
        for _ in range(50):
            tasks = [asyncio.ensure_future(one(number)) for number in range(20)]
            await asyncio.sleep(0)
            tasks[7].cancel()
            replies = await asyncio.gather(*tasks, return_exceptions=True)
            assert isinstance(replies.pop(7), asyncio.CancelledError)
            assert replies == [b"%d" % number for number in range(20) if number != 7]

    asyncio.run(main())


def test_those_who_connect_are_cancelled_and_the_connection_is_kept(client):
    async def main():
        first = asyncio.ensure_future(client.run("GET", "k"))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait((first,))
        for _ in range(3):
            await client.run("GET", "k")
        return (await client.run("CLIENT", "LIST")).count(b"name=afresh")

    assert asyncio.run(main()) == 1


def test_a_client_closed_in_the_middle_ends_who_waits(client):
    async def main():
        await client.run("GET", "k")
        waiting = asyncio.ensure_future(client.run("BLPOP", "nothing", 0))
        await asyncio.sleep(0)
        client.close()
        with pytest.raises(OSError, match="closed"):
            await waiting

    asyncio.run(main())


def test_a_client_closed_by_another_thread_lets_go_of_the_loop(client):
    async def main():
        await client.run("GET", "k")
        waiting = asyncio.ensure_future(client.run("BLPOP", "nothing", 0))
        await asyncio.sleep(0)
        await asyncio.to_thread(client.close)
        with pytest.raises(OSError, match="closed"):
            await waiting

    asyncio.run(main())


def test_a_child_process_uses_no_socket_of_its_parent(client, another, server):  # noqa: F811
    parents = drive(client.run("CLIENT", "ID"))
    dedicated = client.dedicated()
    asyncio.run(client.run("SET", "k", "v"))  # leaves a socket of a closed loop
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            childs = drive(client.run("CLIENT", "ID"))
            looped = asyncio.run(client.run("CLIENT", "ID"))
            os.write(write, f"{childs} {looped} {dedicated._connection.socket.fileno()}".encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    childs, looped, descriptor = map(int, os.read(read, 100).split())
    os.close(read)
    assert len({parents, childs, looped}) == 3
    assert descriptor == -1
    assert drive(client.run("CLIENT", "ID")) == parents  # and the parent goes on with its own
    assert dedicated.call("PING", timeout=5) == b"PONG"
    dedicated.close()


def test_a_fork_while_a_loop_runs_leaves_the_parents_loop_alone(client):
    async def main():
        before = await client.run("CLIENT", "ID")
        child = os.fork()
        if not child:
            os._exit(0 if drive(client.run("CLIENT", "ID")) != before else 1)
        status = await asyncio.to_thread(os.waitpid, child, 0)
        assert status[1] == 0
        assert await client.run("CLIENT", "ID") == before

    asyncio.run(main())
