"""The connection for purges: only an answer to a purge confirms it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from afresh.edge.drivers.calling import Caller

DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


class Edge:
    """Confirms what its first connection asks, and says more when the test wants; the second is refused."""

    def __init__(self, more: bytes) -> None:
        self._more = more
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.settimeout(10)
        self.now = threading.Event()
        self.said = threading.Event()

    def run(self) -> None:
        first, _ = self.listening.accept()
        with first:
            self._answer(first, DONE)
            self.now.wait(10)
            if self._more:
                first.sendall(self._more)
            else:
                first.shutdown(socket.SHUT_WR)
            self.said.set()
            second, _ = self.listening.accept()
            with second:
                self._answer(second, REFUSED)

    def _answer(self, connection: socket.socket, answer: bytes) -> None:
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            data += connection.recv(1_000)
        connection.sendall(answer)


@contextmanager
def caller(edge: Edge) -> Iterator[Caller]:
    thread = threading.Thread(target=edge.run)
    thread.start()
    made = Caller(f"http://127.0.0.1:{edge.listening.getsockname()[1]}", timeout=10)
    try:
        yield made
    finally:
        made.close()
        thread.join()
        edge.listening.close()


@pytest.mark.parametrize("more", [DONE, b"\r\n" + DONE, b""])
def test_what_nobody_asked_for_confirms_no_purge(more: bytes) -> None:
    edge = Edge(more)
    with caller(edge) as calling:
        assert calling.call("PURGE", "/", {}).status == 200
        edge.now.set()
        assert edge.said.wait(10)
        assert calling.call("PURGE", "/", {}).status == 403
