"""memcached."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path

from afresh.testing.servers.certificates import Certificates
from afresh.testing.servers.process import Server, accepts, installed


class MemcachedServer(Server):
    """One server.

    Args:
        folder: Its own.
        unix: Listen on a unix socket, and on no port.
        certificates: Listen with TLS.
        options: More of its command line, such as `"-m", "2"`.

    Attributes:
        socket: Path of its unix socket, where it has one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        unix: bool = False,
        certificates: Certificates | None = None,
        options: Sequence[str] = (),
    ) -> None:
        super().__init__(folder)
        self.socket = str(folder / "memcached.sock")
        self._unix = unix
        self._certificates = certificates
        self._options = options
        self._program = installed("memcached", "memcached")

    @property
    def address(self) -> str:
        """Host and port, or the socket's path."""
        return self.socket if self._unix else f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """For `Cache`."""
        if self._certificates is not None:
            return f"memcacheds://localhost:{self.port}?ssl_ca_certs={self._certificates.ca}"
        return f"memcached://{self.address}"

    def command(self) -> Sequence[str]:
        """What to run."""
        where = ["-s", self.socket] if self._unix else ["-l", "127.0.0.1", "-p", str(self.port), "-U", "0"]
        user = ["-u", "root"] if os.geteuid() == 0 else []
        return [self._program, *where, *user, *self._tls(), *self._options]

    def _tls(self) -> list[str]:
        files = self._certificates
        if files is None:
            return []
        return ["-Z", "-o", f"ssl_chain_cert={files.certificate},ssl_key={files.key}"]

    def ask(self, command: bytes) -> bytes:
        r"""Send a command of the text protocol, such as `b"flush_all\\r\\n"`; what came back first."""
        with socket.create_connection(("127.0.0.1", self.port), 5.0) as connection:
            connection.sendall(command)
            return connection.recv(65_536)

    def answers(self) -> bool:
        """Whether it is ready."""
        if not self._unix:
            return accepts(self.port)
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.socket) == 0
