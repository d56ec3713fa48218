"""The client on real servers of every kind: commands, scripts, pipelines, posts, messages."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time

import pytest
import redis
from redis_room import another, empty, place  # noqa: F401  fixtures

from afresh import BackendError
from afresh.backends.redis.client import ErrorReply, Script
from afresh.backends.redis.connect import open_client
from afresh.runtime.drive import drive
from afresh.testing.servers import FLAVOURS, Certificates, RedisServer

pytestmark = pytest.mark.servers


def script(source, *, safe=False):
    return Script(source, hashlib.sha1(source.encode()).hexdigest(), safe)


COUNT = script("return redis.call('INCR', KEYS[1])")
ECHO = script("return {KEYS[1], ARGV[1]}")


@pytest.fixture(params=["threads", "loop"])
def run(request):
    """Runs a coroutine in one of the two worlds."""
    return drive if request.param == "threads" else asyncio.run


@pytest.fixture
def client(another, empty):  # noqa: F811
    return another(empty)


def test_commands_and_what_they_answer(run, client):
    async def main():
        assert await client.run("SET", "k", b"\x00v") == b"OK"
        assert await client.run("GET", "k") == b"\x00v"
        assert await client.run("GET", "nothing") is None
        assert await client.run("INCR", "n") == 1
        with pytest.raises(ErrorReply) as caught:
            await client.run("INCR", "k")
        assert caught.value.code == "ERR"
        assert await client.run("CONFIG", "GET", "maxmemory", key="k") == {b"maxmemory": b"0"}

    run(main())


def test_a_pipeline_answers_in_order_with_errors_in_their_places(run, client):
    async def main():
        keys = [f"k{number}" for number in range(20)]
        assert await client.run_many([("SET", key, key) for key in keys]) == [b"OK"] * 20
        replies = await client.run_many([*(("GET", key) for key in keys), ("INCR", "k1"), (COUNT, 1, "n")])
        assert replies[:20] == [key.encode() for key in keys]
        assert isinstance(replies[20], ErrorReply)
        assert replies[21] == 1
        assert await client.run_many([]) == []

    run(main())


def test_a_script_that_the_server_has_forgotten_is_loaded_again(run, client):
    async def main():
        for expected in (1, 2):
            assert all(reply == b"OK" for reply in await client.everywhere("SCRIPT", "FLUSH"))
            assert await client.script(COUNT, ["n"]) == expected
        await client.everywhere("SCRIPT", "FLUSH")
        assert await client.run_many([(COUNT, 1, "n"), ("GET", "n"), (COUNT, 1, "m")]) == [3, b"2", 1]
        assert await client.script(ECHO, [b"k"], [b"\xff"]) == [b"k", b"\xff"]
        with pytest.raises(ErrorReply):
            await client.script(script("return redis.error_reply('OOPS no')"), ["k"])

    run(main())


def test_what_is_submitted_is_done_though_nobody_waits(run, client):
    async def main():
        await client.run("GET", "n")
        await client.everywhere("SCRIPT", "FLUSH")
        for _ in range(3):
            client.submit("INCR", "n")
            client.submit_script(COUNT, ["n"])
        assert await client.run("GET", "n") == b"6"

    run(main())


def test_a_forgotten_script_that_was_submitted_is_known_again_the_next_time(run, client):
    async def main():
        await client.run("GET", "n")
        client.submit_script(COUNT, ["n"])
        await client.run("GET", "n")
        await client.everywhere("SCRIPT", "FLUSH")
        client.submit_script(COUNT, ["n"])  # lost, and nobody hears of it but the client
        assert await client.run("GET", "n") == b"1"
        client.submit_script(COUNT, ["n"])
        assert await client.run("GET", "n") == b"2"

    run(main())


def test_what_is_submitted_first_of_all_is_done_too(client):
    async def main():
        client.submit("SET", "k", "v")
        for _ in range(1000):  # it connects meanwhile
            if await client.run("GET", "k") == b"v":
                break
        assert await client.run("GET", "k") == b"v"

    drive(client.run("PING", key="k"))  # a cluster is asked who has the key
    asyncio.run(main())


def test_many_callers_share_one_connection(client):
    async def main():
        await client.run("SET", "k", 0)
        replies = await asyncio.gather(*(client.run("INCR", "k") for _ in range(200)))
        assert sorted(replies) == list(range(1, 201))
        listed = await client.run("CLIENT", "LIST", key="k")
        return listed.count(b"name=afresh")

    assert asyncio.run(main()) == 1


def test_threads_have_a_connection_each_while_they_need_it(client):
    def work():
        for _ in range(100):
            drive(client.run("INCR", "k"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drive(client.run("GET", "k")) == b"800"
    assert drive(client.run("CLIENT", "LIST", key="k")).count(b"name=afresh") <= 8


def test_a_dedicated_connection_hears_messages_and_can_be_closed_by_another_thread(client):
    with_key = client.dedicated("news")
    assert with_key.call("SET", "news", 1, timeout=5) == b"OK"
    with pytest.raises(ErrorReply):
        with_key.call("NOTHING", timeout=5)
    with_key.send("SUBSCRIBE", "news")
    assert with_key.receive(5) == [b"subscribe", b"news", 1]
    assert with_key.call("GET", "news", timeout=5) == b"1"
    client.submit("PUBLISH", "news", "now")
    assert with_key.receive(5) == [b"message", b"news", b"now"]
    assert with_key.receive(0.001) is None
    closing = threading.Timer(0.05, with_key.close)
    closing.start()
    began = time.monotonic()
    with pytest.raises(BackendError):
        with_key.receive(60)
    assert time.monotonic() - began < 30
    closing.join()
    with_key.close()
    with pytest.raises(BackendError):
        with_key.send("PING")


def test_it_tells_what_it_is_connected_to(client):
    drive(client.run("GET", "k"))
    for node in client.inspect()["nodes"]:
        assert node["breaker"] == "closed"
    known = [node for node in client.inspect()["nodes"] if node["version"]]
    assert known
    assert {node["role"] for node in known} == {"master"}


def test_a_closed_client_says_so_and_opens_nothing(client):
    drive(client.run("GET", "k"))
    client.close()
    client.close()
    with pytest.raises(BackendError, match="closed"):
        drive(client.run("GET", "k"))
    with pytest.raises(BackendError, match="closed"):
        asyncio.run(client.run("GET", "k"))
    with pytest.raises(BackendError, match="closed"):
        client.dedicated()
    client.submit("GET", "k")
    client.look_after()


# -- ways to a server ----------------------------------------------------------------------------


def test_a_unix_socket(run, tmp_path):
    with RedisServer(tmp_path) as server:
        client = open_client(server.unix_url)
        assert run(client.run("PING")) == b"PONG"
        client.close()


def test_tls(tmp_path):
    certificates = Certificates(tmp_path / "certificates")
    with RedisServer(tmp_path, certificates=certificates) as server:
        client = open_client(f"{server.url}&timeout=5&connect_timeout=5")
        value = b"x" * 300_000
        for run in (drive, asyncio.run):
            assert run(client.run("SET", "k", value)) == b"OK"
            assert run(client.run("GET", "k")) == value
            assert run(client.run_many([("GET", "k"), ("PING",)])) == [value, b"PONG"]
        dedicated = client.dedicated()
        dedicated.send("SUBSCRIBE", "news")
        assert dedicated.receive(5) == [b"subscribe", b"news", 1]
        client.submit("PUBLISH", "news", "now")
        assert dedicated.receive(5) == [b"message", b"news", b"now"]
        assert dedicated.receive(0.001) is None
        dedicated.close()
        client.close()
        stranger = open_client(f"rediss://localhost:{server.port}?connect_timeout=5")
        with pytest.raises(BackendError, match="certificate verify failed"):
            drive(stranger.run("PING"))
        stranger.close()


@pytest.mark.parametrize("flavour", [each for each in FLAVOURS if each != "valkey9"])
def test_users_passwords_databases_and_names(tmp_path, flavour):
    with RedisServer(tmp_path, flavour=flavour) as server:
        with server.client() as admin:
            admin.execute_command("ACL", "SETUSER", "me", "on", ">hidden", "~*", "+@all")
            admin.execute_command("ACL", "SETUSER", "default", "off")
        where = f"127.0.0.1:{server.port}"
        client = open_client(f"redis://me:hidden@{where}/3?client_name=shop")
        info = drive(client.run("CLIENT", "INFO" if flavour == "redis7" else "LIST"))
        assert b"name=shop" in info
        assert b"db=3" in info
        assert b"user=me" in info
        assert "hidden" not in repr(client.inspect()) + repr(client.address)
        client.close()
        for wrong in (f"redis://me:wrong-hidden@{where}", f"redis://me:hidden@{where}/99"):
            client = open_client(wrong)
            with pytest.raises(BackendError) as caught:
                drive(client.run("PING"))
            assert "hidden" not in str(caught.value)
            client.close()


def test_a_client_that_the_user_has_made(run, tmp_path):
    with RedisServer(tmp_path, options=["--requirepass", "hidden"]) as server:
        provider = redis.UsernamePasswordCredentialProvider("default", "hidden")
        theirs = redis.Redis(port=server.port, host="127.0.0.1", db=2, credential_provider=provider)
        theirs.set("k", "v")
        client = open_client(theirs)
        assert run(client.run("GET", "k")) == b"v"
        client.close()
        theirs.close()
