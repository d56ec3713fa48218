"""Servers that stop, die, come back, or hang up: what a caller pays, and who finds out."""

from __future__ import annotations

import asyncio
import hashlib
import time

import pytest

from afresh import BackendError
from afresh.backends.redis.client import Script
from afresh.backends.redis.connect import open_client
from afresh.backends.redis.wire.gone import Gone
from afresh.runtime.drive import drive
from afresh.testing.servers import RedisServer

pytestmark = [pytest.mark.servers, pytest.mark.slow]

TIMEOUT = 0.2
AT_ONCE = 0.05
COUNT = "return redis.call('INCR', KEYS[1])"
UNSAFE = Script(COUNT, hashlib.sha1(COUNT.encode()).hexdigest())
SAFE = UNSAFE._replace(safe=True)


@pytest.fixture
def server(tmp_path):
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def client(server):
    client = open_client(f"{server.url}?timeout={TIMEOUT}&connect_timeout=1")
    yield client
    client.close()


def took(work):
    """Seconds until it failed."""
    began = time.monotonic()
    with pytest.raises(BackendError):
        work()
    return time.monotonic() - began


def recover(client):
    """Look after it until it works again; says how long that took."""
    began = time.monotonic()
    while client.inspect()["nodes"][0]["breaker"] != "closed":
        client.look_after()
        time.sleep(0.01)
        assert time.monotonic() - began < 10
    return time.monotonic() - began


def kill_connections(server):
    with server.client() as admin:
        admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def test_a_stopped_server_costs_one_deadline_once(server, client):
    drive(client.run("SET", "k", "v"))
    server.pause()
    try:
        assert took(lambda: drive(client.run("GET", "k"))) < TIMEOUT + 0.1
        for _ in range(3):
            assert took(lambda: drive(client.run("GET", "k"))) < AT_ONCE
        client.look_after()  # a probe that fails
        assert took(lambda: drive(client.run("GET", "k"))) < AT_ONCE
    finally:
        server.resume()
    recover(client)
    assert drive(client.run("GET", "k")) == b"v"


def test_a_stopped_server_costs_a_loop_the_same(server, client):
    async def main():
        await client.run("SET", "k", "v")
        server.pause()
        began = time.monotonic()
        failed = await asyncio.gather(*(client.run("GET", "k") for _ in range(50)), return_exceptions=True)
        assert all(isinstance(each, BackendError) for each in failed)
        assert time.monotonic() - began < TIMEOUT + 0.1
        began = time.monotonic()
        for _ in range(3):
            with pytest.raises(BackendError, match="not asked for now"):
                await client.run("GET", "k")
        assert time.monotonic() - began < AT_ONCE
        server.resume()
        await asyncio.to_thread(recover, client)
        assert await client.run("GET", "k") == b"v"

    try:
        asyncio.run(main())
    finally:
        server.resume()


def test_a_new_connection_to_a_stopped_server_costs_no_more(server, client):
    """A server that greeted within a millisecond gets no whole `connect_timeout` when it hangs."""
    first = client.dedicated()
    server.pause()
    try:
        assert took(lambda: drive(client.run("GET", "k"))) < TIMEOUT + 0.1
    finally:
        server.resume()
    first.close()


def test_a_killed_server_is_given_up_at_once_and_found_again(server, client):
    drive(client.run("SET", "k", "v"))
    server.kill()
    for _ in range(3):
        assert took(lambda: drive(client.run("GET", "k"))) < AT_ONCE
    assert took(client.dedicated) < AT_ONCE
    server.start()
    assert recover(client) < 3
    assert drive(client.run("GET", "k")) is None


def test_a_restart_between_two_calls_goes_unnoticed(server, client):
    async def main():
        await client.run("GET", "k")
        await asyncio.to_thread(restart)
        assert await client.script(UNSAFE, ["n"]) == 1
        await asyncio.to_thread(restart)
        assert await client.run("GET", "n") is None

    def restart():
        server.kill()
        server.start()

    for _ in range(2):
        drive(client.run_many([("GET", "k")]))
        restart()
        assert drive(client.script(UNSAFE, ["n"])) == 1
        restart()
        assert drive(client.run("GET", "n")) is None
    asyncio.run(main())
    assert client.inspect()["nodes"][0]["opened"] == 0


def test_one_broken_connection_tells_of_all_that_lie_idle(server, client):
    others = [client.dedicated() for _ in range(3)]
    pool = client._only.pool
    for each in others:
        each.call("PING", timeout=5)
        pool.add(each._connection)
    kill_connections(server)
    assert drive(client.run("GET", "k")) is None
    assert len(client._only.source.open) == 1


def test_killed_connections_are_replaced_where_nothing_can_be_done_twice(server, client):
    dedicated = client.dedicated()
    for call in (
        lambda: client.run("GET", "n"),
        lambda: client.run("INCR", "n"),
        lambda: client.script(SAFE, ["n"]),
        lambda: client.run_many([("GET", "n"), ("INCR", "n")]),
    ):
        drive(call())
        kill_connections(server)
        drive(call())

        async def main(call=call):
            await call()
            await asyncio.to_thread(kill_connections, server)
            return await call()

        asyncio.run(main())
    with pytest.raises(Gone):
        dedicated.call("PING", timeout=5)
    dedicated.close()
    assert client.inspect()["nodes"][0]["opened"] == 0


def test_a_connection_killed_in_the_middle_fails_what_can_not_be_repeated(server, client):
    """The answer is lost, and nobody knows if it was done: the caller is told."""

    async def main():
        await client.run("GET", "k")
        waiting = asyncio.ensure_future(client.run("BLPOP", "nothing", 0, timeout=5))
        others = [asyncio.ensure_future(client.run("GET", "k", timeout=5)) for _ in range(5)]
        await asyncio.sleep(0.05)
        await asyncio.to_thread(kill_connections, server)
        with pytest.raises(Gone):
            await waiting
        assert await asyncio.gather(*others) == [b"v"] * 5

    drive(client.run("SET", "k", "v"))
    asyncio.run(main())


def test_an_idle_disconnect(server, client):
    with server.client() as admin:
        admin.config_set("timeout", 1)
    drive(client.run("SET", "n", 1))
    time.sleep(2.5)
    assert drive(client.run("INCR", "n")) == 2
