"""Calls over HTTP to whoever takes purges: one connection, kept open."""

from __future__ import annotations

import http.client
import json
import selectors
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from afresh.edge.port import Undelivered
from afresh.errors import ConfigurationError

_MOST = 1 << 20  # of an answer's body


class Answer(NamedTuple):
    """What came back."""

    status: int
    fields: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body; `None` if it isn't JSON."""
        with suppress(ValueError):
            return json.loads(self.body)
        return None


class Caller:
    """Calls one server.

    Args:
        base: Its URL, without a path of its own.
        timeout: Seconds for each step of a call.
        context: For TLS; by default the system's authorities are trusted.
    """

    def __init__(self, base: str, *, timeout: float = 5.0, context: ssl.SSLContext | None = None) -> None:
        parts, port = urlsplit(base), None
        try:
            port = parts.port
            usable = parts.scheme in {"http", "https"} and not parts.query and not parts.fragment
        except ValueError:
            usable = False
        if not usable or not parts.hostname:
            raise ConfigurationError(f"{base!r}: write http://HOST:PORT or https://HOST.")
        self._host = parts.hostname
        self._port = port
        self._path = parts.path.rstrip("/")
        self._secure = parts.scheme == "https"
        self._timeout = timeout
        self._context = context
        self._connection: http.client.HTTPConnection | None = None

    def call(self, method: str, path: str, fields: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Ask once; once more if a connection that was kept open turns out to be closed.

        Raises:
            Undelivered: There is no answer.
        """
        for _ in range(2):
            if self._connection is not None and _spoken(self._connection):
                self.close()
            kept = self._connection is not None
            try:
                return self._asked(method, path, fields, body)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if kept and isinstance(error, (http.client.RemoteDisconnected, ConnectionError)):
                    continue
                raise Undelivered(f"{self._host} doesn't answer: {error or type(error).__name__}") from error
        raise Undelivered(f"{self._host} closes its connections")

    def _asked(self, method: str, path: str, fields: Mapping[str, str], body: bytes | None) -> Answer:
        connection = self._connection = self._connection or self._connect()
        connection.request(method, self._path + path, body=body, headers=dict(fields))
        response = connection.getresponse()
        answer = Answer(
            response.status, {k.lower(): v for k, v in response.getheaders()}, response.read(_MOST)
        )
        if response.will_close or response.read(1):
            self.close()
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            context = self._context or ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def close(self) -> None:
        """Close the connection. Safe to call twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _spoken(connection: http.client.HTTPConnection) -> bool:
    """Whether something came that nobody asked for, or the end: it would confirm a purge that nobody has done."""
    line = connection.sock
    if line is None or (isinstance(line, ssl.SSLSocket) and line.pending()):
        return True
    with selectors.DefaultSelector() as look:
        look.register(line, selectors.EVENT_READ)
        return bool(look.select(0))


def seconds_said(answer: Answer) -> float:
    """What `Retry-After` says, in seconds; 0 where it says nothing that can be used."""
    said = answer.fields.get("retry-after", "")
    return min(float(said), 3600.0) if said.isascii() and said.isdecimal() else 0.0
