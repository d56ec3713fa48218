"""The wire: odd packets, odd servers, deadlines, and callers that give up."""

from __future__ import annotations

import asyncio
import time

import pytest
from fake_redis import FakeRedis

from afresh import BackendError
from afresh.backends.redis.client import ErrorReply
from afresh.backends.redis.connect import open_client
from afresh.backends.redis.wire.gone import Gone, Late
from afresh.runtime.drive import drive

PUSH = b">2\r\n$10\r\ninvalidate\r\n*0\r\n"


@pytest.fixture
def client_of():
    """Makes clients, and closes them."""
    clients = []

    def make(fake, options=""):
        clients.append(open_client(fake.url + options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def both(client, *command):
    """A command in both worlds."""
    yield drive(client.run(*command))
    yield asyncio.run(client.run(*command))


def test_a_push_between_answers_is_nobodys_answer(client_of):
    with FakeRedis(lambda _: PUSH + b"$1\r\nv\r\n") as fake:
        assert list(both(client_of(fake), "GET", "k")) == [b"v", b"v"]


def test_an_old_server_is_refused_without_repeating_the_password(client_of):
    old = b"-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `hidden`, \r\n"
    with FakeRedis(lambda _: b"+OK\r\n", hello=old) as fake:
        client = open_client(fake.url.replace("//", "//:hidden@"))
        for _ in range(2):  # the second time the breaker says it
            with pytest.raises(BackendError, match="needs Redis 6") as caught:
                drive(client.run("GET", "k"))
            assert "hidden" not in str(caught.value)
        client.close()


def test_what_is_no_answer_ends_the_connection(client_of):
    with FakeRedis(lambda _: b"?nonsense\r\n") as fake:
        client = client_of(fake)
        with pytest.raises(Gone, match="broke"):
            drive(client.run("INCR", "k"))


def test_an_answer_that_nobody_asked_for_ends_the_connection(client_of):
    with FakeRedis(lambda packet: b"+one\r\n+two\r\n" if b"first" in packet else b"+mine\r\n") as fake:

        async def main():
            client = client_of(fake)
            return await client.run("GET", "first"), await client.run("GET", "second")

        assert asyncio.run(main()) == (b"one", b"mine")


def test_a_server_that_hangs_up_on_each_command_is_given_up(client_of):
    with FakeRedis(lambda _: None) as fake:
        client = client_of(fake)
        with pytest.raises(Gone):
            drive(client.run("GET", "k"))
        assert len([packet for packet in fake.heard if b"GET" in packet]) == 1  # it was a new connection
        with pytest.raises(BackendError, match="not asked for now"):
            drive(client.run("GET", "k"))


def test_a_late_answer_is_never_taken_for_anothers(client_of):
    late = iter([True])

    def answer(packet):
        if next(late, False):
            time.sleep(0.1)
            return b"$4\r\nlate\r\n"
        return b"$2\r\nin\r\n"

    with FakeRedis(answer) as fake:
        client = client_of(fake, "?timeout=0.03")
        with pytest.raises(Late, match="no answer in 30 ms"):
            drive(client.run("GET", "k"))
        with pytest.raises(BackendError, match="not asked for now"):
            drive(client.run("GET", "k"))
        while client.inspect()["nodes"][0]["breaker"] != "closed":
            client.look_after()
        assert drive(client.run("GET", "k")) == b"in"


def test_one_timer_keeps_every_deadline(client_of):
    """The caller with less patience gives up; the other one still gets the answer that is its own."""
    gate = []

    def answer(packet):
        gate.append(packet)
        if b"first" in packet:
            time.sleep(0.15)
        return b"".join(b"+%s\r\n" % word for word in (b"first", b"second") if word in packet)

    async def main(client):
        await client.run("PING", "first", timeout=1)
        patient = asyncio.ensure_future(client.run("PING", "first", timeout=5))
        await asyncio.sleep(0)
        with pytest.raises(Late):
            await client.run("PING", "second", timeout=0.03)
        with pytest.raises(BackendError, match="not asked for now"):
            await client.run("PING", "third")
        return await patient

    with FakeRedis(answer) as fake:
        assert asyncio.run(main(client_of(fake))) == b"first"


def test_a_connection_that_hangs_is_left_though_the_server_lives(client_of):
    """As behind a router that forgot it: the others work, and this one never will again."""
    hung = []

    def answer(packet):
        if b"GET" in packet and not hung:
            hung.append(packet)
        return b"" if packet in hung else b"+yes\r\n"

    async def main(client):
        with pytest.raises(Late):
            await client.run("GET", "hung")
        while client.inspect()["nodes"][0]["breaker"] != "closed":
            client.look_after()
        return await client.run("GET", "again")

    with FakeRedis(answer) as fake:
        assert asyncio.run(main(client_of(fake, "?timeout=0.03"))) == b"yes"
        assert sum(b"HELLO" in packet for packet in fake.heard) == 3  # two of the loop, and the probe's


@pytest.mark.parametrize("end", ["hang_up", "close"])
def test_a_connection_that_ends_before_it_was_used_is_a_backend_error(client_of, end):
    async def main(client):
        node = client._topology.only
        adopt = node.loops._adopt

        def adopt_and_end(*arguments):
            adopt(*arguments)
            getattr(node, end)()

        node.loops._adopt = adopt_and_end
        return await asyncio.gather(*(client.run("GET", "k") for _ in range(3)), return_exceptions=True)

    with FakeRedis(lambda _: b"+yes\r\n") as fake:
        assert {type(each) for each in asyncio.run(main(client_of(fake)))} == {Gone}


def test_a_cancelled_caller_leaves_its_place_in_the_row(client_of):
    def answer(packet):
        words = packet.split(b"\r\n")[4::5]
        return b"".join(b"+%s\r\n" % word for word in words)

    async def main(client):
        await client.run("GET", "first")
        tasks = [asyncio.ensure_future(client.run("GET", f"word{number}")) for number in range(10)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[5].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    with FakeRedis(answer) as fake:
        replies = asyncio.run(main(client_of(fake)))
        packets = [packet for packet in fake.heard if b"word" in packet]
    expected = [f"word{number}".encode() for number in range(10)]
    for index in (0, 5):
        assert isinstance(replies[index], asyncio.CancelledError)
        replies[index] = expected[index]
    assert replies == expected
    assert len(packets) <= 2  # the first alone, and all others together


def test_who_was_given_a_connection_before_it_ended_is_told(client_of):
    """It is handed to several tasks at once; by the turn of the last one it may be over."""

    async def main(client):
        await client.run("GET", "key")
        (wire,) = client._only.loops._wires.values()
        early = wire.ask(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", 0.05)
        wire.close()
        late = [wire.ask(b"*2\r\n$3\r\nGET\r\n$1\r\nb\r\n", 30.0) for _ in range(2)]
        done, _ = await asyncio.wait([early, *late], timeout=5)
        return [type(each.exception()) for each in done]

    with FakeRedis(lambda _: b"+yes\r\n") as fake:
        assert asyncio.run(main(client_of(fake))) == [Gone, Gone, Gone]


def test_a_loop_that_stood_still_is_not_the_servers_fault(client_of):
    async def main(client):
        await client.run("GET", "k")
        first = asyncio.ensure_future(client.run("GET", "k"))
        second = asyncio.ensure_future(client.run("GET", "k"))  # waits for the next turn of the loop
        await asyncio.sleep(0)
        time.sleep(1.0)  # noqa: ASYNC251  that is the point
        return await asyncio.gather(first, second)

    with FakeRedis(lambda packet: b"+yes\r\n" * packet.count(b"GET")) as fake:
        assert asyncio.run(main(client_of(fake, "?timeout=0.5"))) == [b"yes", b"yes"]


def test_large_values_travel_in_parts(client_of):
    value = b"x" * 5_000_000
    got = []

    def answer(packet):
        got.append(packet)
        return b"$5000000\r\n%s\r\n" % value if sum(map(len, got)) > 5_000_000 else b""

    with FakeRedis(answer) as fake:
        client = client_of(fake, "?timeout=5")
        assert drive(client.run("ECHO", value)) == value
        got.clear()
        assert asyncio.run(client.run("ECHO", value)) == value


def test_an_answer_nobody_waits_for_is_skipped(client_of):
    def answer(packet):
        posted = packet.count(b"INCR") + packet.count(b"PING")
        return b"+posted\r\n" * posted + b"+asked\r\n" * packet.count(b"GET")

    with FakeRedis(answer) as fake:
        client = client_of(fake)
        for _ in range(100):
            client.submit("INCR", "n")
        assert drive(client.run("GET", "k")) == b"asked"
        assert drive(client.run_many([("GET", "k"), ("GET", "k")])) == [b"asked"] * 2


def test_a_refusal_is_an_error_with_a_code(client_of):
    with FakeRedis(lambda _: b"-OOM command not allowed\r\n") as fake:
        client = client_of(fake)
        with pytest.raises(ErrorReply) as caught:
            drive(client.run("SET", "k", 1))
        assert caught.value.code == "OOM"
        assert client.inspect()["nodes"][0]["breaker"] == "closed"


def test_a_credential_provider_that_fails_tells_no_secret():
    class Provider:
        def get_credentials(self):
            raise RuntimeError("hidden")

    from dataclasses import replace

    from afresh.backends.redis.address import parse

    with FakeRedis(lambda _: b"+OK\r\n") as fake:
        client = open_client(replace(parse(fake.url), credentials=Provider()))
        with pytest.raises(BackendError, match="no credentials: RuntimeError") as caught:
            drive(client.run("GET", "k"))
        assert "hidden" not in str(caught.value)
        client.close()
