"""An application under uvicorn with our protocol, in a thread, and connections of bytes to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from afresh.testing.servers.process import wait_until


@contextmanager
def running(app: Any, **settings: Any) -> Iterator[int]:
    """The port of a server; `settings` are uvicorn's."""
    given = {"port": 0, "log_level": "warning", "lifespan": "off", "timeout_graceful_shutdown": 1, **settings}
    server = uvicorn.Server(uvicorn.Config(app, **{"http": "afresh.http.serve:Protocol", **given}))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), "uvicorn's start")
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


class Wire:
    """A connection on which a test says and hears bytes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self._buffer = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """One answer: status, fields, body."""
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines)}
        status = int(first.split(b" ")[1])
        if fields.get(b"transfer-encoding") == b"chunked":
            return status, fields, self._chunks()
        return status, fields, self._exactly(int(fields.get(b"content-length", b"0")))

    def ask(self, path: str, *lines: str) -> tuple[int, dict[bytes, bytes], bytes]:
        self.say("\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode())
        return self.hear()

    def closed(self) -> bool:
        """Whether the server has closed it, with nothing more to say."""
        try:
            return not self._buffer and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _chunks(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self._buffer:
                self._more()
            size, _, self._buffer = self._buffer.partition(b"\r\n")
            piece = self._exactly(int(size, 16) + 2)[:-2]
            if not piece:
                return body
            body += piece

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def _more(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise EOFError(self._buffer)
        self._buffer += data
