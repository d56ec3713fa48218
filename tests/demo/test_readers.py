"""What readers remember of their visits, and the client that they use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from afresh.demo.drive.http import Answer, Connection, sign_in
from afresh.demo.drive.readers import Record, fetch, read

Address = tuple[str, int]


async def _with_server(answer: bytes, use: Callable[[Address], Awaitable[None]]) -> list[bytes]:
    """Run `use` against a server that always gives this answer; returns the requests it got."""
    requests: list[bytes] = []
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int((head.split(b"Content-Length: ")[1:] or [b"0"])[0].split(b"\r\n")[0])
                requests.append(head + await reader.readexactly(length))
                writer.write(answer)
        except asyncio.IncompleteReadError:
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        await use(server.sockets[0].getsockname())
        await asyncio.gather(*filter(None, serving))
    return requests


OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nContent-Length: 5\r\n\r\nhello"


def test_a_connection_is_kept_and_carries_cookie_and_form() -> None:
    async def use(address: Address) -> None:
        connection = Connection(address)
        answer = await connection.get("/a", "person=anna")
        assert (answer.status, answer.body, answer.header("Content-Type")) == (200, b"hello", "text/html")
        assert answer.header("etag") == ""
        await connection.post("/b", {"note": "x & y"})
        await connection.close()

    got, posted = asyncio.run(_with_server(OK, use))
    assert got.startswith(b"GET /a HTTP/1.1\r\n")
    assert b"Cookie: person=anna\r\n" in got
    assert posted.endswith(b"note=x+%26+y")


def test_somebody_who_gets_no_cookie_did_not_sign_in() -> None:
    async def use(address: Address) -> None:
        with pytest.raises(RuntimeError, match="anna could not sign in: status 200"):
            await sign_in(address, "anna", "wrong")

    asyncio.run(_with_server(OK, use))


def test_readers_remember_every_answer() -> None:
    record = Record()

    async def use(address: Address) -> None:
        nonlocal record
        visits = iter([("/a", ""), ("/b", "anna")] * 10_000)
        record = await read([address], visits, {"anna": "person=anna"}, 0.1, connections=2)

    requests = asyncio.run(_with_server(OK, use))
    assert len(record.latencies) == len(requests) > 2
    assert record.seen.keys() == {("/a", ""), ("/b", "anna")}
    assert sum(len(each.began) for bodies in record.seen.values() for each in bodies.values()) == len(
        requests
    )
    assert record.rate > 0
    assert all((b"anna" in request) == request.startswith(b"GET /b") for request in requests)


def test_what_fails_is_counted_and_not_remembered() -> None:
    async def use(address: Address) -> None:
        record = await fetch([address], [("/a", "")], {}, 5.0)
        assert (record.failed, record.seen) == (1, {})

    asyncio.run(_with_server(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", use))


def test_fetching_stops_when_the_time_is_up() -> None:
    async def use(address: Address) -> None:
        assert (await fetch([address], [("/a", "")], {}, -1.0)).seen == {}
        assert len((await fetch([address], [("/a", ""), ("/b", "")], {}, 5.0)).seen) == 2

    assert len(asyncio.run(_with_server(OK, use))) == 2


def test_quantiles() -> None:
    record = Record()
    assert (record.quantile(0.5), record.rate) == (0.0, 0.0)
    record.latencies.extend([4.0, 1.0, 3.0, 2.0])
    assert (record.quantile(0.0), record.quantile(0.5), record.quantile(0.99)) == (1.0, 3.0, 4.0)


def test_another_body_of_the_same_page_is_another_sighting() -> None:
    record = Record()
    for body in (b"one", b"two", b"one"):
        record.add("/", "", 0.0, Answer(200, b"", body))
    assert sorted(len(each.began) for each in record.seen["/", ""].values()) == [1, 2]


def test_visits_are_asked_for_in_their_order_and_end() -> None:
    async def use(address: Address) -> None:
        visits = iter([(f"/{number}", "") for number in range(5)])
        record = await read([address], visits, {}, 5.0, connections=2)
        assert len(record.latencies) == 5
        late = await read([address], iter([("/late", "")]), {}, 0.0)
        assert len(late.latencies) == 0

    requests = asyncio.run(_with_server(OK, use))
    assert sorted(request.split()[1] for request in requests) == [b"/0", b"/1", b"/2", b"/3", b"/4"]


def test_two_loads_are_one() -> None:
    first, second = Record(seconds=1.0, failed=1), Record(seconds=2.0)
    for record, body in ((first, b"one"), (second, b"one"), (second, b"two")):
        record.add("/", "", 0.0, Answer(200, b"", body))
    whole = Record()
    whole += first
    whole += second
    assert (len(whole.latencies), whole.seconds, whole.failed) == (3, 3.0, 1)
    assert sorted(len(each.began) for each in whole.seen["/", ""].values()) == [1, 2]
    assert [len(each.began) for each in first.seen["/", ""].values()] == [1]
