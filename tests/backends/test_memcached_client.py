"""The client on real servers, in both worlds."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from memcached_tools import World, both_worlds, client_of, read, write

from afresh.backends.memcached.client import Client, Request, Response
from afresh.backends.memcached.connect import MemcachedClient, open_client
from afresh.backends.memcached.wire.features import META
from afresh.errors import BackendError
from afresh.runtime.drive import drive
from afresh.testing.servers import Certificates, MemcachedServer

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemcachedServer]:
    with MemcachedServer(tmp_path_factory.mktemp("memcached")) as server:
        yield server


@pytest.fixture
def client(server: MemcachedServer) -> Iterator[MemcachedClient]:
    server.ask(b"flush_all\r\n")
    with client_of(server.url) as client:
        yield client


def test_it_is_what_the_port_asks_for(client: MemcachedClient) -> None:
    port: Client = client
    assert port.servers == (client.servers[0],)


@both_worlds
def test_answers_come_in_the_order_of_the_requests(client: MemcachedClient, run: World) -> None:
    answers = run(
        client.run(
            write(b"a", b"1", "c"),
            read(b"a"),
            read(b"b"),
            Request("md", b"a"),
            read(b"a"),
            Request("mn", b""),
        )
    )
    assert [each.status for each in answers] == ["HD", "VA", "EN", "HD", "EN", "MN"]
    assert answers[0].flag("c")
    assert answers[1].value == b"1"
    assert run(client.run()) == []


@both_worlds
def test_counters_and_conditions(client: MemcachedClient, run: World) -> None:
    add = Request("ma", b"n", ("v", "N0", "J5"))
    assert [run(client.one(add)).value for _ in range(3)] == [b"5", b"6", b"7"]
    assert run(client.one(write(b"n", b"1", "C1"))).status == "EX"
    assert run(client.one(write(b"n", b"1", "ME"))).status == "NS"
    assert run(client.one(write(b"m", b"1", "C1"))).status == "NF"


@both_worlds
def test_one_of_many_readers_gets_the_lease(client: MemcachedClient, run: World) -> None:
    first, second = (run(client.one(read(b"k", "N30", "c"))) for _ in range(2))
    assert (first.value, first.flag("W")) == (b"", "")
    assert (second.flag("W"), second.flag("Z")) == (None, "")


@both_worlds
def test_an_answered_error_is_in_its_place_and_breaks_nothing(client: MemcachedClient, run: World) -> None:
    run(client.one(write(b"a", b"text")))
    refused, found = run(client.run(Request("ma", b"a"), read(b"a")))
    assert (refused.status, "non-numeric" in refused.error) == ("CLIENT_ERROR", True)
    assert found.value == b"text"
    with pytest.raises(BackendError, match="non-numeric"):
        run(client.one(Request("ma", b"a")))
    assert run(client.one(read(b"a"))).value == b"text"
    assert client._servers[0].breaker.state == "closed"


@both_worlds
def test_a_flag_that_the_server_refuses_costs_the_connection_and_no_more(
    client: MemcachedClient, run: World
) -> None:
    refused, lost = run(client.run(write(b"a", b"1", "E5"), read(b"a")))
    assert refused.error == "CLIENT_ERROR invalid flag"
    assert lost.error
    assert run(client.one(read(b"a"))).status == "EN"


@both_worlds
@pytest.mark.parametrize("key", [b"a b\r\n", b"\x00\xff" * 90, b"x" * 250, b"x" * 251, b"\x00" * 5000, b""])
def test_keys_may_be_any_bytes(client: MemcachedClient, run: World, key: bytes) -> None:
    assert run(client.one(write(key, b"here"))).status == "HD"
    assert run(client.one(read(key))).value == b"here"
    assert run(client.get_many([key, key + b"x"])) == {key: b"here"}


@both_worlds
def test_many_are_read_at_once(client: MemcachedClient, run: World) -> None:
    keys = [b"key:%d" % number for number in range(1500)]
    run(client.run(*(write(key, key * 3) for key in keys)))
    run(client.one(read(b"stub", "N30")))
    assert run(client.get_many([*keys, b"missing", b"stub"])) == {key: key * 3 for key in keys}
    assert run(client.get_many([])) == {}


@both_worlds
def test_a_pipeline_of_large_answers_does_not_choke(client: MemcachedClient, run: World) -> None:
    run(client.one(write(b"big", b"x" * 200_000)))
    answers = run(client.run(*[read(b"big")] * 300, *[write(b"k", b"y" * 100_000)] * 50))
    assert [len(each.value or b"") for each in answers[:300]] == [200_000] * 300
    assert {each.status for each in answers[300:]} == {"HD"}


@both_worlds
@pytest.mark.parametrize("size", [1_048_064, 1_048_065, 3_000_000])
def test_values_over_an_items_size_are_divided(client: MemcachedClient, run: World, size: int) -> None:
    value = os.urandom(size)
    assert run(client.one(write(b"large", value, "T60"))).status == "HD"
    assert run(client.one(read(b"large", "c"))).value == value
    assert run(client.run(read(b"none"), read(b"large")))[1].value == value
    assert len(run(client.run(Request("me", b"large")))[0].flags) > 1


@both_worlds
def test_a_large_value_comes_with_many(client: MemcachedClient, run: World) -> None:
    value = os.urandom(2_000_000)
    run(client.run(write(b"large", value), write(b"small", b"1")))
    assert run(client.get_many([b"large", b"small", b"none"])) == {b"large": value, b"small": b"1"}


@both_worlds
def test_a_large_value_with_a_chunk_gone_is_a_miss(
    server: MemcachedServer, client: MemcachedClient, run: World
) -> None:
    run(client.one(write(b"large", b"x" * 2_000_000)))
    with client_of(server.url) as plain:
        head = drive(plain._exchange([read(b"large")], 10.0))[0].value or b""
        chunk = b"~chunk:%b:1" % head[len(b"\x00afresh/chunks\x01") :][:16].hex().encode()
        assert drive(plain.one(Request("md", chunk))).status == "HD"
    answer = run(client.one(read(b"large", "c")))
    assert (answer.status, answer.value) == ("EN", None)
    assert answer.flag("c")
    assert run(client.get_many([b"large"])) == {}


@both_worlds
def test_large_values_may_be_refused(server: MemcachedServer, run: World) -> None:
    with client_of(server.url, options="&large=refuse") as client:
        with pytest.raises(BackendError, match="1048064; start it with a larger -I, or write large=split"):
            run(client.one(write(b"large", b"x" * 2_000_000)))
        answers = run(client.run(write(b"large", b"x" * 2_000_000), write(b"a", b"1")))
        assert [each.status for each in answers] == ["", "HD"]


def test_the_size_of_items_is_the_servers(tmp_path: Path) -> None:
    with MemcachedServer(tmp_path, options=("-I", "2m")) as server, client_of(server.url) as client:
        drive(client.one(read(b"a")))
        assert client._servers[0].facts.largest == 2 * 1024 * 1024 - 512
        assert drive(client.one(write(b"a", b"x" * 2_000_000))).status == "HD"
        assert (drive(client._exchange([read(b"a")], 10.0))[0].value or b"")[:1] == b"x"


@both_worlds
def test_what_is_submitted_arrives_before_what_is_asked_after_it(client: MemcachedClient, run: World) -> None:
    async def submit() -> Response:
        await client.one(read(b"a"))
        for number in range(100):
            client.submit(write(b"a", b"%d" % number), Request("ma", b"a"))
        client.submit(write(b"large", b"x" * 1_100_000))
        return await client.one(read(b"a"))

    assert run(submit()).value == b"100"
    assert len(run(client.one(read(b"large"))).value or b"") == 1_100_000


def test_a_thread_of_our_own_blocks_also_on_a_loops_thread(client: MemcachedClient) -> None:
    async def main() -> Response:
        await client.one(write(b"a", b"1"))
        return client.call(read(b"a"), timeout=10.0)[0]

    assert asyncio.run(main()).value == b"1"


def test_tasks_share_one_connection_and_one_packet(client: MemcachedClient) -> None:
    async def main() -> list[Response]:
        await client.one(write(b"a", b"1"))
        return await asyncio.gather(*(client.one(read(b"a")) for _ in range(500)))

    assert {each.value for each in asyncio.run(main())} == {b"1"}
    assert client.inspect()["servers"][client.servers[0]]["curr_connections"] <= 3  # type: ignore[index]


def test_loops_one_after_the_other(client: MemcachedClient) -> None:
    for number in range(5):
        asyncio.run(client.one(write(b"a", b"%d" % number)))
    assert len(client._servers[0]._lines) == 1
    client.look_after()
    assert not client._servers[0]._lines
    assert drive(client.one(read(b"a"))).value == b"4"


def test_threads_and_loops_at_the_same_time(client: MemcachedClient) -> None:
    wrong: list[object] = []

    async def many(name: bytes) -> None:
        for number in range(200):
            value = b"%b:%d" % (name, number)
            answers = await client.run(write(name, value), read(name))
            if answers[1].value != value:
                wrong.append((value, answers))

    async def tasks(name: bytes) -> None:
        await asyncio.gather(*(many(b"%b.%d" % (name, task)) for task in range(4)))

    threads = [threading.Thread(target=lambda at=at: drive(many(b"t%d" % at))) for at in range(4)]
    threads += [threading.Thread(target=lambda at=at: asyncio.run(tasks(b"l%d" % at))) for at in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_child_has_connections_of_its_own(client: MemcachedClient) -> None:
    async def main() -> None:
        await client.one(write(b"loop", b"1"))
        drive(client.one(write(b"parent", b"1")))
        child = os.fork()
        if not child:
            signal.alarm(20)
            try:
                ours = [drive(client.one(read(b"parent"))).value for _ in range(50)]
                os._exit(0 if set(ours) == {b"1"} else 1)
            finally:
                os._exit(2)
        for _ in range(200):
            assert (await client.one(read(b"loop"))).value == b"1"
            assert drive(client.one(read(b"parent"))).value == b"1"
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0  # noqa: ASYNC222  a loop that blocks here is fine
        assert (await client.one(read(b"loop"))).value == b"1"

    asyncio.run(main())


@both_worlds
def test_a_unix_socket(tmp_path: Path, run: World) -> None:
    with MemcachedServer(tmp_path, unix=True) as server, client_of(server.url) as client:
        run(client.one(write(b"a", b"1")))
        assert run(client.one(read(b"a"))).value == b"1"
        assert client.servers == (server.socket,)


@both_worlds
def test_tls(tmp_path: Path, run: World) -> None:
    files = Certificates(tmp_path / "tls")
    with MemcachedServer(tmp_path, certificates=files) as server, client_of(server.url) as client:
        value = os.urandom(3_000_000)
        assert run(client.one(write(b"a", value))).status == "HD"
        assert run(client.one(read(b"a"))).value == value
        assert {each.value for each in run(client.run(*[read(b"a")] * 3))} == {value}
        assert run(client.one(Request("ma", b"n", ("v", "N0")))).value == b"0"
        server_without_proof = server.url.partition("?")[0]
        with client_of(server_without_proof) as stranger, pytest.raises(BackendError, match="certificate"):
            run(stranger.one(read(b"a")))


def test_what_is_known_of_a_server(client: MemcachedClient) -> None:
    assert client.features(0) == frozenset()
    client.look_after()
    assert client.features(0) == {META}
    told = client.inspect()
    one = told["servers"][client.servers[0]]  # type: ignore[index]
    assert one["version"].startswith("1.6.")
    assert (one["breaker"], one["opened"]) == ("closed", 0)
    assert one["limit_maxbytes"] == 64 << 20
    assert {"evictions", "bytes", "curr_items"} <= one.keys()


def test_a_wrong_request_is_the_callers_error(client: MemcachedClient) -> None:
    for run in (drive, asyncio.run):
        with pytest.raises(ValueError, match="get_many or submit"):
            run(client.run(read(b"a", "q")))  # type: ignore[operator]
        assert run(client.one(read(b"a"))).status == "EN"  # type: ignore[operator]


@both_worlds
def test_after_close_nothing_is_asked(server: MemcachedServer, run: World) -> None:
    client = open_client(server.url)
    assert run(client.one(read(b"a"))).status == "EN"
    client.close()
    client.close()
    assert "after close" in run(client.run(read(b"a")))[0].error
    client.submit(read(b"a"))
    client.look_after()
    assert client.inspect()
