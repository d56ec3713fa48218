"""nginx."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from afresh.testing.servers.process import Server, accepts, installed


class NginxServer(Server):
    """One nginx.

    Args:
        folder: Its own; as root its workers are root's too, so that they reach it.
        configuration: Its whole configuration, given the port that it listens on.
    """

    def __init__(self, folder: Path, configuration: Callable[[int], str]) -> None:
        super().__init__(folder)
        self._program = installed("nginx", "nginx")
        self._configuration = configuration
        self._file = folder / "nginx.conf"

    @property
    def url(self) -> str:
        """For visitors."""
        return f"http://127.0.0.1:{self.port}"

    def check(self) -> str:
        """Test the configuration with the real server; what it says of it.

        Raises:
            RuntimeError: It is refused; the message says why.
        """
        self._write()
        done = subprocess.run(
            [*self._asked(), "-t"], cwd=self.folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stderr

    def command(self) -> Sequence[str]:
        """What to run."""
        self._write()
        return [*self._asked(), "-g", "daemon off;"]

    def answers(self) -> bool:
        """Whether it is ready."""
        return accepts(self.port)

    def kill(self) -> None:
        """End it with its workers, which would outlive a master that is killed."""
        self._end(signal.SIGTERM)

    def _asked(self) -> list[str]:
        return [self._program, "-p", str(self.folder), "-e", "stderr", "-c", str(self._file)]

    def _write(self) -> None:
        self._file.write_text(self._configuration(self.port))
