"""Clients that take their time: a connection isn't theirs for ever."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from serving_tools import Wire, running

from afresh import Cache
from afresh.http.asgi import CacheMiddleware
from afresh.http.serve import patience
from afresh.http.serve.patience import Patience
from afresh.testing.servers.process import wait_until


def test_a_head_may_take_until_the_next_look() -> None:
    client = Patience()
    assert [client.late(head) for head in (None, 0, 1, None, 1, 1)] == [False] * 5 + [True]


def test_who_reads_a_little_is_waited_for() -> None:
    client, limit = Patience(), patience.UNREAD
    assert not client.unread(0.0, 500)
    assert not client.unread(limit - 1, 500)
    assert not client.unread(limit, 499)
    assert not client.unread(2 * limit - 1, 499)
    assert client.unread(2 * limit, 499)
    assert not client.unread(2 * limit, 0)
    assert not client.unread(4 * limit, 500)
    client.reads()
    assert not client.unread(5 * limit, 500), "it has read those, and others wait"
    assert client.unread(6 * limit, 500)


async def large(scope: Any, receive: Any, send: Any) -> None:
    body = b"x" * 3_000_000
    fields = [(b"cache-control", b"max-age=60"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def test_a_head_that_comes_byte_by_byte_is_no_longer_waited_for() -> None:
    with Cache("memory://") as cache:
        app = CacheMiddleware(large, cache)
        with running(app, timeout_keep_alive=0.2) as port, Wire(port) as wire:
            stopped = threading.Event()

            def trickle() -> None:
                wire.say(b"GET / HTTP/1.1\r\nX: ")
                while not stopped.wait(0.02):
                    wire.say(b"x")

            thread = threading.Thread(target=trickle)
            thread.start()
            try:
                assert wire.hear()[0] == 408
            finally:
                stopped.set()
                thread.join()


@pytest.mark.parametrize("cached", [True, False])
def test_who_reads_nothing_is_cut_off(cached: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "UNREAD", 0.2)
    with Cache("memory://") as cache:
        app: Any = CacheMiddleware(large, cache) if cached else large
        with running(app, timeout_keep_alive=0.1) as port, Wire(port) as wire:
            wire.ask("/")
            wire.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 10)
            wait_until(lambda: is_cut(wire), "the end")


def is_cut(wire: Wire) -> bool:
    try:
        wire.say(b"\r\n")
    except ConnectionError:
        return True
    return False
