"""The pages in memcached, by the keys that nginx asks with."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from afresh.edge.port import Undelivered
from afresh.errors import ConfigurationError

_LONGEST_KEY = 250  # bytes, memcached's limit
_MOST_SECONDS = 30 * 86_400  # beyond, memcached takes it for a date
_PATIENCE = 1.0  # seconds


def key_of(prefix: str, url: str) -> bytes | None:
    """The key of a page; `None` if memcached can't have it.

    nginx escapes spaces, control characters and `%` in `$memcached_key` (`NGX_ESCAPE_MEMCACHED`).
    """
    parts = urlsplit(url)
    address = url[len(parts.scheme) + 3 :]
    plain = f"{prefix}{parts.scheme}://{address}".encode()
    key = b"".join(b"%%%02X" % each if each <= 0x20 or each in b"%\x7f" else bytes([each]) for each in plain)
    return key if len(key) <= _LONGEST_KEY else None


class Pages:
    """One memcached, by its text protocol: what nginx speaks. For one thread at a time.

    Args:
        address: Host and port.

    Raises:
        ConfigurationError: It isn't one.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise ConfigurationError(f"memcached {address!r}: write HOST:PORT, such as 127.0.0.1:11211.")
        self._address = (host.strip("[]"), int(port))
        self._socket: socket.socket | None = None

    def put(self, key: bytes, body: bytes, seconds: int) -> None:
        """Publish a page.

        Raises:
            Undelivered: It isn't certain that it is there, or that it isn't.
        """
        lasts = min(max(seconds, 1), _MOST_SECONDS)
        self._ask(b"set %b 0 %d %d\r\n%b\r\n" % (key, lasts, len(body), body), {b"STORED"})

    def drop(self, key: bytes) -> None:
        """Take a page away.

        Raises:
            Undelivered: It may still be there.
        """
        self._ask(b"delete %b\r\n" % key, {b"DELETED", b"NOT_FOUND"})

    def close(self) -> None:
        """Close the connection. Safe to call twice."""
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()

    def _ask(self, command: bytes, wanted: set[bytes]) -> None:
        for _ in range(2):
            kept = self._socket is not None
            try:
                answer = self._answer(command)
            except OSError as error:
                self.close()
                if kept and not isinstance(error, TimeoutError):
                    continue  # it was restarted, perhaps
                raise Undelivered(f"memcached {self._address[0]}:{self._address[1]}: {error}") from error
            if answer in wanted:
                return
            self.close()
            raise Undelivered(f"memcached answers {answer.decode('latin-1')!r}")
        raise Undelivered("memcached closes its connections")

    def _answer(self, command: bytes) -> bytes:
        connection = self._socket = self._socket or socket.create_connection(self._address, _PATIENCE)
        connection.sendall(command)
        answer = b""
        while not answer.endswith(b"\r\n"):
            data = connection.recv(4096)
            if not data:
                raise ConnectionResetError("it closed the connection")
            answer += data
        return answer[:-2]
