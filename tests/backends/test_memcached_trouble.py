"""The client when servers hang, die, come back, or talk nonsense; and when callers give up."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from memcached_tools import FakeServer, World, both_worlds, client_of, read, write

from afresh.backends.memcached.client import Request
from afresh.backends.memcached.connect import MemcachedClient
from afresh.backends.memcached.server import Server
from afresh.errors import BackendError
from afresh.runtime.drive import drive
from afresh.testing.servers import MemcachedServer

pytestmark = [pytest.mark.servers, pytest.mark.slow]

DEADLINE = 0.2
GENEROUS = 5.0  # what one deadline may become on a busy machine


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MemcachedServer]:
    with MemcachedServer(tmp_path) as server:
        yield server


@pytest.fixture
def client(server: MemcachedServer) -> Iterator[MemcachedClient]:
    with client_of(server.url) as client:
        drive(client.one(write(b"a", b"1")))
        yield client


@pytest.fixture
def hasty(server: MemcachedServer) -> Iterator[MemcachedClient]:
    with client_of(server.url, timeout=DEADLINE) as client:
        drive(client.one(write(b"a", b"1")))
        yield client


def until_well(client: MemcachedClient) -> None:
    """Look after it as housekeeping does, until it has found every server again."""
    end = time.monotonic() + 60
    while any(server.breaker.state != "closed" for server in client._servers):
        assert time.monotonic() < end
        client.look_after()
        time.sleep(0.02)


@both_worlds
@pytest.mark.parametrize("connected", [True, False])
def test_a_server_that_stands_still_costs_one_deadline_once(
    server: MemcachedServer, run: World, *, connected: bool
) -> None:
    async def first() -> tuple[float, list[float], str]:
        if connected:
            await client.one(read(b"a"))
        server.pause()
        begin = time.monotonic()
        answer = (await client.run(read(b"a")))[0]
        first = time.monotonic() - begin
        later = []
        for _ in range(50):
            begin = time.monotonic()
            assert (await client.run(read(b"a")))[0].error
            later.append(time.monotonic() - begin)
        return first, later, answer.error

    with client_of(server.url, timeout=DEADLINE) as client:
        took, later, error = run(first())
        assert "no answer in 200 ms" in error
        assert DEADLINE * 0.9 < took < GENEROUS
        assert sorted(later)[25] < 0.001
        server.resume()
        until_well(client)
        assert run(client.one(read(b"a"))).status == "EN"
        assert client._servers[0].breaker.opened == 1


@both_worlds
def test_a_late_answer_is_never_taken_for_anothers(
    server: MemcachedServer, hasty: MemcachedClient, run: World
) -> None:
    client = hasty
    drive(client.one(write(b"b", b"2")))
    server.pause()
    assert run(client.run(read(b"a")))[0].error
    server.resume()
    until_well(client)
    for _ in range(20):
        assert run(client.one(read(b"b"))).value == b"2"


@both_worlds
@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_restarted_server_is_asked_without_trouble(
    server: MemcachedServer, client: MemcachedClient, run: World, how: str
) -> None:
    async def over_a_restart() -> list[str]:
        await client.one(read(b"a"))
        getattr(server, how)()
        server.start()
        # The second is of those that may not be sent twice.
        return [(await client.one(each)).status for each in (read(b"a"), Request("ma", b"n", ("N0",)))]

    assert run(over_a_restart()) == ["EN", "HD"]
    assert client._servers[0].breaker.opened == 0


def test_what_may_not_be_sent_twice_looks_at_the_connection_first(
    server: MemcachedServer, client: MemcachedClient
) -> None:
    server.kill()
    server.start()
    assert drive(client.one(Request("ma", b"n", ("v", "N0", "J7")))).value == b"7"
    assert client._servers[0].breaker.opened == 0


@both_worlds
def test_a_dead_server_is_refused_at_once_and_found_again(
    server: MemcachedServer, client: MemcachedClient, run: World
) -> None:
    server.kill()
    assert run(client.run(read(b"a")))[0].error
    assert "not asked for now" in run(client.run(read(b"a")))[0].error
    with pytest.raises(BackendError):
        run(client.one(read(b"a")))
    assert run(client.get_many([b"a"])) == {}
    client.submit(write(b"a", b"2"))
    assert client.inspect()["servers"][server.address]["breaker"] == "open"  # type: ignore[index]
    server.start()
    until_well(client)
    assert run(client.one(write(b"a", b"3"))).status == "HD"


@both_worlds
def test_one_of_three_servers_is_killed(tmp_path: Path, run: World) -> None:
    keys = [b"key:%d" % number for number in range(300)]

    async def under_load() -> None:
        assert {each.status for each in await client.run(*(write(key, key) for key in keys))} == {"HD"}
        assert await client.get_many(keys) == {key: key for key in keys}
        dead = 1
        servers[dead].kill()
        alive = {key for key in keys if client.server_of(key) != dead}
        assert 100 < len(alive) < 280
        for _ in range(3):
            answers = await client.run(*(read(key) for key in keys))
            for key, answer in zip(keys, answers, strict=True):
                assert answer.value == (key if key in alive else None)
                assert bool(answer.error) == (key not in alive)
            assert await client.get_many(keys) == {key: key for key in alive}
        servers[dead].start()
        until_well(client)
        assert await client.get_many(keys) == {key: key for key in alive}
        assert {each.error for each in await client.run(*(read(key) for key in keys))} == {""}

    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(MemcachedServer(tmp_path / str(at))) for at in range(3)]
        client = stack.enter_context(client_of(*(each.url for each in servers)))
        run(under_load())


@both_worlds
def test_a_slow_server_does_not_cost_the_others_their_answers(tmp_path: Path, run: World) -> None:
    async def ask() -> tuple[float, list[str]]:
        await client.run(*(Request("mn", b"", server=at) for at in range(3)))
        servers[0].pause()
        begin = time.monotonic()
        answers = await client.run(*(Request("mn", b"", server=at) for at in range(3)))
        return time.monotonic() - begin, [each.status for each in answers]

    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(MemcachedServer(tmp_path / str(at))) for at in range(3)]
        client = stack.enter_context(client_of(*(each.url for each in servers), timeout=DEADLINE))
        took, statuses = run(ask())
        assert statuses == ["", "MN", "MN"]
        assert took < GENEROUS


def test_a_cancelled_caller_takes_nobodys_answer(client: MemcachedClient) -> None:
    async def main() -> None:
        await client.run(*(write(b"%d" % number, b"%d" % number) for number in range(100)))
        for _ in range(20):
            tasks = [asyncio.ensure_future(client.one(read(b"%d" % number))) for number in range(100)]
            await asyncio.sleep(0)
            for task in tasks[::3]:
                task.cancel()
            values = await asyncio.gather(*tasks, return_exceptions=True)
            for number, value in enumerate(values):
                if number % 3:
                    assert getattr(value, "value", None) == b"%d" % number
                else:
                    assert isinstance(value, asyncio.CancelledError)
        assert client._servers[0].breaker.opened == 0

    asyncio.run(main())


def test_a_busy_loop_does_not_make_a_server_look_slow(hasty: MemcachedClient) -> None:
    async def main() -> None:
        await hasty.one(read(b"a"))
        for before in (True, False):
            asked = asyncio.ensure_future(hasty.one(read(b"a")))
            await asyncio.sleep(0)
            if before:
                await asyncio.sleep(0)
            time.sleep(3 * DEADLINE)  # noqa: ASYNC251  the application's own work
            assert (await asked).value == b"1"

    asyncio.run(main())


def test_a_thread_that_is_interrupted_leaves_no_connection_half_read(
    client: MemcachedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from afresh.backends.memcached.wire.blocking import Connection

    def interrupted(self: Connection, *_: object) -> None:
        raise KeyboardInterrupt

    for requests in ([read(b"a")], [read(b"a"), read(b"a")]):
        drive(client.one(read(b"a")))
        with monkeypatch.context() as patch:
            patch.setattr(Connection, "ask_one", interrupted)
            patch.setattr(Connection, "receive", interrupted)
            with pytest.raises(KeyboardInterrupt):
                drive(client.run(*requests))
        assert drive(client.one(read(b"b"))).status == "EN"


@both_worlds
@pytest.mark.parametrize(
    "nonsense",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"NF\r\n",
        b"VA 5\r\nabc\r\nHD\r\n",
        b"VA 99999999999\r\n",
        b"VA 1\r\nx\r\nVA 1\r\ny\r\n",
        b"\x00" * 5000,
    ],
)
def test_nonsense_is_an_error_and_the_end_of_the_connection(run: World, nonsense: bytes) -> None:
    with FakeServer(lambda _: nonsense) as fake, client_of(fake.url, timeout=DEADLINE) as client:
        assert run(client.run(read(b"a")))[0].error or nonsense.startswith(b"VA 1\r\nx")
        server: Server = client._servers[0]
        assert not server._idle
        assert not any(line.open for line in server._lines.values())


@both_worlds
def test_half_an_answer_is_no_answer(run: World) -> None:
    for half in (b"VA 10\r\nabc", b"H", b""):
        with FakeServer(lambda _, half=half: half) as fake, client_of(fake.url, timeout=DEADLINE) as client:
            begin = time.monotonic()
            assert "no answer in 200 ms" in run(client.run(read(b"a")))[0].error
            assert time.monotonic() - begin < GENEROUS


@both_worlds
def test_an_answer_that_drips_is_over_at_its_deadline(run: World) -> None:
    stop = threading.Event()

    def drip(_: bytes) -> bytes:
        for connection in list(fake._open):
            for _ in range(2000):
                if stop.wait(0.01):
                    break
                with contextlib.suppress(OSError):
                    connection.sendall(b"V")
        return b"A"

    with FakeServer(drip) as fake, client_of(fake.url, timeout=DEADLINE) as client:
        begin = time.monotonic()
        assert run(client.run(read(b"a")))[0].error
        assert time.monotonic() - begin < GENEROUS
        stop.set()


@both_worlds
def test_what_hangs_up_on_every_request_is_asked_twice_and_no_more(run: World) -> None:
    with FakeServer(lambda _: None) as fake, client_of(fake.url) as client:
        assert "broke" in run(client.run(read(b"a")))[0].error
        assert len(fake.heard) == 1
        assert client._servers[0].breaker.state == "open"


@both_worlds
@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        (b"-ERR unknown command\r\n-ERR unknown command\r\n", "broke"),
        (b"ERROR\r\nERROR\r\n", "no memcached"),
        (b"VERSION 1.5.22\r\nEND\r\n", "too old"),
    ],
)
def test_what_is_no_memcached_is_said_so(run: World, greeting: bytes, said: str) -> None:
    with FakeServer(lambda _: b"", greeting) as fake, client_of(fake.url) as client:
        assert said in run(client.run(read(b"a")))[0].error
        assert client._servers[0].breaker.state == "open"


@both_worlds
def test_a_proxy_without_settings_will_do(run: World) -> None:
    with (
        FakeServer(lambda _: b"EN\r\n", b"VERSION a proxy\r\nERROR\r\n") as fake,
        client_of(fake.url) as client,
    ):
        assert run(client.one(read(b"a"))).status == "EN"
        assert client.features(0) == frozenset()


def test_a_name_that_nobody_looks_up_is_not_waited_for(
    server: MemcachedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = threading.Event()
    connect = Server.connect

    def slowly(self: Server) -> object:
        found.wait(10)
        return connect(self)

    monkeypatch.setattr(Server, "connect", slowly)
    with client_of(server.url, timeout=0.05, options="&connect_timeout=0.05") as client:

        async def main() -> None:
            assert "no connection in 0.1 s" in (await client.run(read(b"a")))[0].error
            found.set()
            while client._servers[0].breaker.state != "closed":  # noqa: ASYNC110  a thread closes it
                await asyncio.sleep(0.01)
            assert (await client.one(read(b"a"))).status == "EN"

        asyncio.run(main())


def test_a_burst_of_threads_keeps_a_bounded_number_of_connections(client: MemcachedClient) -> None:
    def hammer() -> None:
        for _ in range(20):
            assert drive(client.one(read(b"a"), timeout=10.0)).value == b"1"

    threads = [threading.Thread(target=hammer) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(client._servers[0]._idle) <= 64


def test_no_socket_outlives_its_client(server: MemcachedServer) -> None:
    def open_files() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    async def both(client: MemcachedClient) -> None:
        await client.one(read(b"a"))
        drive(client.one(read(b"a")))
        client.submit(read(b"a"))

    before = open_files()
    for _ in range(10):
        with client_of(server.url) as client:
            asyncio.run(both(client))
    gc.collect()
    assert open_files() <= before


def test_a_connection_that_is_in_use_at_close_is_not_kept(client: MemcachedClient) -> None:
    server = client._servers[0]
    quick, long = server.take(), server.connect()
    client.close()
    server._keep(quick)
    server.give_back(long)
    assert not server._idle
    assert quick.hung_up()
    assert long.hung_up()
