"""A server that answers what a test tells it to: for what a real one hardly ever does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

HELLO = b"%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n"
HELLO += b"$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"


class FakeRedis:
    """Listens on loopback; a context manager.

    Args:
        answer: What to say to each packet; `None` is to hang up. The greeting is answered already.
        hello: The answer to the greeting.

    Attributes:
        url: Where.
        heard: All packets.
    """

    def __init__(self, answer: Callable[[bytes], bytes | None], hello: bytes = HELLO) -> None:
        self._answer = answer
        self._hello = hello
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listening.getsockname()[1]}"
        self.heard: list[bytes] = []
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen)]

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._open.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while packet := connection.recv(65536):
                self.heard.append(packet)
                answer = self._hello if b"HELLO" in packet else self._answer(packet)
                if answer is None:
                    return
                connection.sendall(answer)

    def __enter__(self) -> FakeRedis:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listening, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()
