"""A fake server's log for real processes: one pickled call, one pickled answer, over a unix socket."""

from __future__ import annotations

import pickle
import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from replica_server import Server

from afresh.backends.replica.remote import Passage, Position, Record, Snapshot, What
from afresh.errors import BackendError
from afresh.runtime.drive import drive

_DEADLINE = 1.0


@contextmanager
def served(server: Server, path: Path) -> Iterator[None]:
    """Answer at a socket within the block."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            method, args, kwargs = pickle.load(self.rfile)
            log = server.connect()
            try:
                answer = getattr(log, method)(*args, **kwargs)
                answer = answer if method == "follow" else drive(answer)
            except BackendError as error:
                answer = error
            self.wfile.write(pickle.dumps(answer))

    class Answering(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True
        block_on_close = True
        request_queue_size = 64

        def handle_error(self, request: Any, client_address: Any) -> None:
            """The process that asked was killed."""

    with Answering(str(path), Handler) as answering:
        thread = threading.Thread(target=answering.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            answering.shutdown()
            thread.join()


class WireLog:
    """`RemoteLog` over that socket. Its coroutines block."""

    def __init__(self, path: Path, slots: int) -> None:
        self.slots = slots
        self._path = str(path)
        self._closed = False

    async def load(self, known: Position) -> Snapshot:
        return self._call("load", known)

    async def append(
        self, what: What, tags: Sequence[int], *, known: Position, intent: int = 0, owner: int = 0
    ) -> tuple[Position, Record]:
        return self._call("append", what, tuple(tags), known=known, intent=intent, owner=owner)

    async def read(self, after: Position) -> Passage:
        return self._call("read", after)

    async def confirm(self, known: Position) -> Position:
        return self._call("confirm", known)

    def follow(self, after: Position, wait: float) -> Passage:
        return self._call("follow", after, wait)

    def close(self) -> None:
        self._closed = True

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if self._closed:
            raise BackendError("it is closed")
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_DEADLINE)
                connection.connect(self._path)
                with connection.makefile("rwb") as stream:
                    stream.write(pickle.dumps((method, args, kwargs)))
                    stream.flush()
                    answer = pickle.load(stream)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise BackendError(f"no answer: {error}") from error
        if isinstance(answer, BackendError):
            raise answer
        return answer
