"""A value that takes longer than the deadline to come, or to go, while the server gets on with it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import suppress

import pytest
from fake_redis import HELLO, FakeRedis

from afresh import BackendError
from afresh.backends.memcached.client import Request
from afresh.backends.memcached.connect import open_client as open_memcached
from afresh.backends.redis.connect import open_client as open_redis
from afresh.backends.redis.wire.gone import Late
from afresh.runtime.drive import drive

TIMEOUT = 0.3
PARTS = 30
PART = b"x" * 300_000
PAUSE = 0.025  # seconds between two parts: all of them take more than twice the deadline
VALUE = PART * PARTS


class Slow:
    """A server on loopback that sends a value in parts; a context manager."""

    def __init__(self, head, greeting):
        self._head = head
        self._greeting = greeting
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._listen)

    def _listen(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with suppress(OSError), connection:
            while packet := connection.recv(65536):
                answer = self._greeting(packet)
                if answer is not None:
                    connection.sendall(answer)
                    continue
                connection.sendall(self._head)
                for _ in range(PARTS):
                    connection.sendall(PART)
                    time.sleep(PAUSE)
                connection.sendall(b"\r\n")

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


@pytest.fixture
def redis():
    with Slow(b"$%d\r\n" % len(VALUE), lambda packet: HELLO if b"HELLO" in packet else None) as server:
        client = open_redis(f"redis://127.0.0.1:{server.port}?timeout={TIMEOUT}&connect_timeout=5")
        yield client
        client.close()


@pytest.fixture
def memcached():
    def greeting(packet):
        return b"VERSION 1.6.18\r\nEND\r\n" if b"version" in packet else None

    with Slow(b"VA %d\r\n" % len(VALUE), greeting) as server:
        client = open_memcached(f"memcached://127.0.0.1:{server.port}?timeout={TIMEOUT}&connect_timeout=5")
        yield client
        client.close()


@pytest.mark.slow
def test_redis_gives_it(redis):
    assert drive(redis.run("GET", "k")) == VALUE
    assert asyncio.run(redis.run("GET", "k")) == VALUE
    assert redis.inspect()["nodes"][0]["breaker"] == "closed"


@pytest.mark.slow
def test_memcached_gives_it(memcached):
    request = Request("mg", b"k", ("v",))
    assert drive(memcached.one(request)).value == VALUE
    assert asyncio.run(memcached.one(request)).value == VALUE


@pytest.mark.slow
def test_a_server_that_dribbles_is_late_all_the_same(monkeypatch):
    """Its bytes come at a rate that no network has."""
    monkeypatch.setattr("test_slow_values.PART", b"x")
    with Slow(b"$%d\r\n" % len(VALUE), lambda packet: HELLO if b"HELLO" in packet else None) as server:
        for run in (drive, asyncio.run):
            client = open_redis(f"redis://127.0.0.1:{server.port}?timeout={TIMEOUT}&connect_timeout=5")
            began = time.monotonic()
            with pytest.raises(Late):
                run(client.run("GET", "k"))
            assert time.monotonic() - began < 4 * TIMEOUT
            client.close()


def test_a_silent_server_is_late(monkeypatch):
    with FakeRedis(lambda _: b"$100\r\n") as fake:
        for run in (drive, asyncio.run):
            client = open_redis(f"{fake.url}?timeout=0.05")
            with pytest.raises(BackendError, match="no answer in"):
                run(client.run("GET", "k"))
            client.close()


@pytest.mark.slow
def test_a_large_command_is_taken_in_parts():
    """The server reads it more slowly than the deadline allows for a small one."""

    def serve(listening):
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(HELLO)
            left = len(VALUE)
            while left > 0:
                left -= len(connection.recv(300_000))
                time.sleep(PAUSE)
            connection.sendall(b"+OK\r\n")
            connection.recv(1)

    for run in (drive, asyncio.run):
        with socket.socket() as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            thread = threading.Thread(target=serve, args=(listening,))
            thread.start()
            url = f"redis://127.0.0.1:{listening.getsockname()[1]}?timeout={TIMEOUT}&connect_timeout=5"
            client = open_redis(url)
            assert run(client.run("SET", "k", VALUE)) == b"OK"
            client.close()
            thread.join()
