"""Varnish."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from afresh.testing.servers.process import Server, accepts, free_port, installed


class VarnishServer(Server):
    """One cache in front of something.

    Args:
        folder: Its own.
        vcl: Its configuration.
        options: More of its command line, such as `"-p", "thread_pool_min=50"`.

    Attributes:
        purge_port: Of the listener named `purge`, which the configuration may tell from the other.
    """

    def __init__(self, folder: Path, vcl: str, *, options: Sequence[str] = ()) -> None:
        super().__init__(folder)
        self._options = options
        self._program = installed("varnishd", "varnish")
        self._vcl = folder / "afresh.vcl"
        self._vcl.write_text(vcl)
        self.purge_port = 0

    @property
    def url(self) -> str:
        """For visitors."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def purge_url(self) -> str:
        """For whoever purges."""
        return f"http://127.0.0.1:{self.purge_port}"

    def check(self) -> str:
        """Compile the configuration with the real compiler.

        Raises:
            RuntimeError: It is refused; the message says why.
        """
        asked = [self._program, "-j", "none", "-C", "-n", str(self.folder / "check"), "-f", str(self._vcl)]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stderr

    def command(self) -> Sequence[str]:
        """What to run."""
        self.purge_port = self.purge_port or free_port()
        listen = [
            "-a",
            f"visitors=127.0.0.1:{self.port}",
            "-a",
            f"purge=127.0.0.1:{self.purge_port}",
        ]
        work = ["-F", "-j", "none", "-n", str(self.folder / "work"), "-s", "malloc,64m"]
        return [self._program, *work, *listen, "-T", "none", "-f", str(self._vcl), *self._options]

    def answers(self) -> bool:
        """Whether it is ready."""
        return accepts(self.port) and accepts(self.purge_port)
