"""One server process: started, stopped, killed, or made to stand still."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

_PATIENCE = 60.0  # seconds for a start or an orderly end; the machine may be busy
_PAUSE = 0.01
_STARTS = 5  # another process may take the port between the choice and the start


class ServerMissing(RuntimeError):
    """The server is not installed; the message says how to install it."""


def installed(name: str, package: str) -> str:
    """The path of a server's program.

    Raises:
        ServerMissing: It isn't installed.
    """
    found = shutil.which(name, path="/usr/local/bin:/usr/bin:/usr/sbin:/bin") or shutil.which(name)
    if found is None:
        raise ServerMissing(f"{name} is not installed. On Debian: apt-get install {package}")
    return found


def free_port(most: int = 65_535) -> int:
    """A port of the loopback interface that nobody listens on, `most` at most."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port <= most:
            return port


def wait_until(happened: Callable[[], bool], what: str, patience: float = _PATIENCE) -> None:
    """Look again and again until something has happened.

    Raises:
        TimeoutError: It hasn't.
    """
    end = time.monotonic() + patience
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {patience:g} s")
        time.sleep(_PAUSE)


class Server(ABC):
    """A server in a folder of its own. A context manager: it starts, and it ends.

    Attributes:
        folder: Where it keeps its files and its log.
        port: The same for its whole life, restarts included.
        highest_port: The highest that it can listen on.
    """

    highest_port = 65_535

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """What to run."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it is ready."""

    @property
    def log(self) -> str:
        """All that it has printed."""
        return (self.folder / "output.log").read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None, "it was not started"
        return self._process.pid

    def start(self) -> Self:
        """Start it, and wait until it answers; on another free port, if it is the first time.

        Raises:
            RuntimeError: It ended by itself; its log is in the message.
        """
        first = not self.port
        for _ in range(_STARTS):
            self.port = free_port(self.highest_port) if first else self.port
            if self._started():
                return self
        raise RuntimeError(f"{self.command()[0]} does not start:\n{self.log}")

    def _started(self) -> bool:
        guard = shutil.which("setpriv")  # the server must not outlive a test run that is killed
        before = [guard, "--pdeathsig", "KILL"] if guard else []
        with (self.folder / "output.log").open("ab") as log:
            process = subprocess.Popen(
                [*before, *self.command()], cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self._process = process
        wait_until(lambda: process.poll() is not None or self.answers(), "a server's start")
        return process.poll() is None

    def stop(self) -> None:
        """End it in its own way. Safe to call twice."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once: nothing is saved, nobody is told."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """It stands still: connections are accepted by the system, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        # A signal takes its time, and what is asked in it would still be answered.
        os.waitpid(self._process.pid, os.WUNTRACED)

    def resume(self) -> None:
        """It goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        return self if self._process is not None else self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


def accepts(port: int) -> bool:
    """Whether somebody listens."""
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True
