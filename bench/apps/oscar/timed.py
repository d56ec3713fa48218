"""What a request takes, asked so that asking costs little: what it costs would be counted for whom it asks."""

from __future__ import annotations

import re
import socket
import threading
import time

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Line:
    """A connection to a server on this machine, opened again when the server has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, request: bytes) -> bytes:
        """The status and header of the answer, whose content is read and dropped."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), 120)
        self._socket.sendall(request)
        head, _, body = self._until_body(self._socket)
        length = _LENGTH.search(head)
        if length is None:
            raise RuntimeError(f"an answer without a length: {head!r}")
        missing = int(length[1]) - len(body)
        while missing > 0:
            missing -= len(_received(self._socket))
        if _CLOSES.search(head):
            self.close()
        return head

    @staticmethod
    def _until_body(connection: socket.socket) -> tuple[bytes, bytes, bytes]:
        got = b""
        while b"\r\n\r\n" not in got:
            got += _received(connection)
        return got.partition(b"\r\n\r\n")

    def close(self) -> None:
        """Hang up."""
        opened, self._socket = self._socket, None
        if opened is not None:
            opened.close()


def _received(connection: socket.socket) -> bytes:
    got = connection.recv(1 << 18)
    if not got:
        raise RuntimeError("the server hung up")
    return got


def timed(port: int, path: str, requests: int, connections: int = 4) -> float:
    """The milliseconds of a request, with so many connections at once; each asks so often.

    Raises:
        RuntimeError: An answer is another than 200, or none.
    """
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    failed: list[str] = []

    def ask() -> None:
        line = Line(port)
        try:
            for _ in range(requests):
                head = line.ask(request)
                if not head.startswith(b"HTTP/1.1 200 "):
                    failed.append(f"{path}: {head[:60]!r}")
        except (OSError, RuntimeError) as error:
            failed.append(f"{path}: {error}")
        finally:
            line.close()

    threads = [threading.Thread(target=ask) for _ in range(connections)]
    began = time.perf_counter()
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if failed:
        raise RuntimeError(failed[0])
    return (time.perf_counter() - began) / (requests * connections) * 1000
