"""What tests of the memcached client share: both worlds, and servers that misbehave."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from afresh.backends.memcached.client import Request
from afresh.backends.memcached.connect import MemcachedClient, open_client
from afresh.runtime.drive import drive

T = TypeVar("T")
World = Callable[[Coroutine[Any, Any, T]], T]

both_worlds = pytest.mark.parametrize("run", [drive, asyncio.run], ids=["sync", "async"])

GREETING = b"VERSION 1.6.18\r\nSTAT item_size_max 1048576\r\nEND\r\n"


def write(key: bytes, value: bytes, *flags: str, server: int | None = None) -> Request:
    return Request("ms", key, flags, value, server)


def read(key: bytes, *flags: str, server: int | None = None) -> Request:
    return Request("mg", key, ("v", *flags), None, server)


@contextmanager
def client_of(*urls: str, timeout: float = 10.0, options: str = "") -> Iterator[MemcachedClient]:
    """A client of some servers, closed with its block. Its patience outlasts a busy machine."""
    url = _joined(urls)
    client = open_client(f"{url}{'&' if '?' in url else '?'}timeout={timeout}{options}")
    try:
        yield client
    finally:
        client.close()


def _joined(urls: tuple[str, ...]) -> str:
    return urls[0] + "".join("," + url.removeprefix("memcached://") for url in urls[1:])


class FakeServer:
    """Greets as memcached does, and answers everything else as it is told.

    Attributes:
        heard: What came after the greeting, by connection.
    """

    def __init__(self, answer: Callable[[bytes], bytes | None], greeting: bytes = GREETING) -> None:
        self.heard: list[bytes] = []
        self._answer = answer
        self._greeting = greeting
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._open: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"memcached://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> FakeServer:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65_536):
                    if data.startswith(b"version"):
                        connection.sendall(self._greeting)
                        continue
                    self.heard.append(data)
                    answer = self._answer(data)
                    if answer is None:
                        return
                    connection.sendall(answer)
            except OSError:
                return
