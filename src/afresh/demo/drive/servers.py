"""Worker processes of the catalogue, on loopback ports that the system chooses."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from afresh.demo.drive.worker import SECRET

PLAIN = "afresh.demo.drive.worker:plain"
AFRESH = "afresh.demo.drive.worker:afresh"
_PATIENCE = 5.0  # seconds that a worker has to end


class WorkerDied(RuntimeError):
    """A worker process ended by itself."""


class Workers:
    """Some worker processes of one variant; a context manager that starts and ends them.

    Args:
        database: The catalogue's file.
        variant: What to put in front of it (see `worker`).
        count: How many processes.
        environment: More environment variables.
        port: The port that they share, for a browser; 0 lets the system choose.

    Attributes:
        addresses: Host and port of each worker alone.
        shared: Host and port that all of them listen on.
    """

    secret = secrets.token_hex(16)

    def __init__(
        self,
        database: Path,
        variant: str,
        *,
        count: int = 2,
        environment: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self._database = database
        self._variant = variant
        self._environment = {**os.environ, **(environment or {}), SECRET: self.secret}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._listening = [_listen() for _ in range(count)]
        self._common = _listen(port)
        self.addresses: list[tuple[str, int]] = [each.getsockname() for each in self._listening]
        self.shared: tuple[str, int] = self._common.getsockname()

    def __enter__(self) -> Workers:
        """Start them. They listen already: the first request waits until one is up."""
        try:
            for own in self._listening:
                self._processes.append(self._start([own.fileno(), self._common.fileno()]))
        except BaseException:
            self.stop()
            raise
        finally:
            for each in (*self._listening, self._common):
                each.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them."""
        self.stop()

    @property
    def ended(self) -> list[int]:
        """The exit statuses of those that run no more."""
        return [status for process in self._processes if (status := process.poll()) is not None]

    def check(self) -> None:
        """Make sure that all of them run.

        Raises:
            WorkerDied: One does not.
        """
        for status in self.ended:
            raise WorkerDied(f"a worker of the demo ended with status {status}")

    def stop(self) -> None:
        """End them: their standard input closes, and whoever has not gone after a while is killed."""
        for process in self._processes:
            if process.stdin:
                process.stdin.close()
        for process in self._processes:
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def _start(self, descriptors: list[int]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "afresh.demo.drive.worker", str(self._database), self._variant]
        return subprocess.Popen(  # noqa: S603  our own module, with our own arguments
            [*command, *map(str, descriptors)],
            stdin=subprocess.PIPE,
            env=self._environment,
            pass_fds=descriptors,
            start_new_session=True,  # Ctrl-C is for the parent, which ends its workers in order
        )


def _listen(port: int = 0) -> socket.socket:
    listening = socket.create_server(("127.0.0.1", port), backlog=128)
    listening.setblocking(False)
    return listening
