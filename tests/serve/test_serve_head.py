"""Requests that could be read in two ways are refused; where one ends is known to the byte."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.http.serve.framing import Framer, Piece
from afresh.http.serve.head import Malformed, parse

GOOD = b"GET /a?b HTTP/1.1\r\nHost: x\r\n"


def fed(*data: bytes) -> list[Piece]:
    framer = Framer()
    return [piece for each in data for piece in framer.feed(each)]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
        (b"GET http://other/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 400),
        (GOOD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (GOOD + b"Content-Length: 1, 1\r\n\r\n", 400),
        (GOOD + b"Content-Length: +1\r\n\r\n", 400),
        (GOOD + b"Content-Length: 0x1\r\n\r\n", 400),
        (GOOD + b"Content-Length: \r\n\r\n", 400),
        (GOOD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (GOOD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        (GOOD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (GOOD + b"Transfer-Encoding: \x0bchunked\r\n\r\n", 400),
        (GOOD + b"Transfer-Encoding: identity\r\n\r\n", 501),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (GOOD + b"X: y\r\n" * 300 + b"\r\n", 431),
        (GOOD + b"X: " + b"y" * 70_000, 431),
    ],
)
def test_what_is_ambiguous_is_refused(raw: bytes, status: int) -> None:
    with pytest.raises(Malformed) as refused:
        fed(raw)
    assert refused.value.status == status


@pytest.mark.parametrize(
    "body",
    [b"1\nx\r\n0\r\n\r\n", b"1\r\nxy\r\n0\r\n\r\n", b"x\r\n", b"-1\r\n", b"1;\x00\r\n", b"0x1\r\nx\r\n", b"\r\n", b"1 1\r\n",
     b"0\r\n bad\r\n\r\n", b"1" * 2000],
)  # fmt: skip
def test_chunks_that_are_none_are_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        fed(GOOD + b"Transfer-Encoding: chunked\r\n\r\n", body)


def test_what_a_head_says() -> None:
    head = parse(
        b"POST /p HTTP/1.1\r\nHOST: x:80\r\nX-A:\tv \r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
    )
    assert head.fields == [
        (b"host", b"x:80"),
        (b"x-a", b"v"),
        (b"content-length", b"3"),
        (b"connection", b"close"),
    ]
    assert (head.method, head.target, head.length, head.close, head.upgrade) == (
        b"POST",
        b"/p",
        3,
        True,
        False,
    )
    assert parse(GOOD + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n").upgrade
    assert parse(b"GET http://X/a HTTP/1.1\r\nHost: x\r\n\r\n").target == b"http://X/a"


REQUESTS = [
    GOOD + b"\r\n",
    b"\r\n" + GOOD + b"X: y\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
]


class _Counting:
    """What uvicorn's parser sees."""

    def __init__(self) -> None:
        self.begun = self.ended = 0
        self.body = b""

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_message_complete(self) -> None:
        self.ended += 1

    def on_body(self, body: bytes) -> None:
        self.body += body


@given(st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=6), st.data())
def test_however_bytes_are_cut_both_parsers_see_the_same_requests(
    requests: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(requests)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    parts = [whole[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    framer, counting = Framer(), _Counting()
    parser = httptools.HttpRequestParser(counting)
    ended = 0
    for part in parts:
        for piece in framer.feed(part):
            parser.feed_data(piece.raw)
            ended += piece.last
            assert counting.ended == ended
    assert framer.between
    assert ended == counting.begun == len(requests)


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_wait_or_be_refused(data: bytes) -> None:
    for raw in (data, GOOD + data, GOOD + b"Transfer-Encoding: chunked\r\n\r\n" + data):
        try:
            fed(raw)
        except Malformed as refused:
            assert refused.status in {400, 414, 431, 501, 505}  # noqa: PT017
