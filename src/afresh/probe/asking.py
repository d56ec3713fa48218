"""One request of a probe, and what it got: in this process, or over a connection."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from afresh.errors import ConfigurationError

_TIMEOUT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Sent:
    """A request.

    Attributes:
        path: The raw path.
        query: The raw query.
        method: The method.
        host: The value of `Host`; empty for the target's own.
        fields: Other fields.
        content: The content.
    """

    path: str
    query: str = ""
    method: str = "GET"
    host: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    content: bytes = b""

    def but(self, *, more: str = "", **changed: Any) -> Sent:
        """The same with some things changed, and `more` at the end of the query."""
        query = "&".join(filter(None, [changed.pop("query", self.query), more]))
        return replace(self, query=query, **changed)


class Got(NamedTuple):
    """An answer."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def values(self, name: str) -> list[str]:
        """All lines of a field."""
        return [value for each, value in self.fields if each == name]

    def holds(self, text: str) -> bool:
        """Whether a text stands anywhere in it."""
        return text.encode() in self.body or any(text in value for _, value in self.fields)


Ask: TypeAlias = Callable[[Sent], Got]
"""Sends one request, and waits for its answer."""


def over_http(url: str) -> Ask:
    """Ask a server.

    Raises:
        ConfigurationError: It is no http or https URL.
    """
    target = urlsplit(url)
    if target.scheme not in {"http", "https"} or not target.hostname:
        raise ConfigurationError(f"{url!r} can't be probed: give http://host:port/, or module:application.")
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    host, port = target.hostname, target.port

    def ask(sent: Sent) -> Got:
        connection = kind(host, port, timeout=_TIMEOUT)
        try:
            address = f"{sent.path}?{sent.query}" if sent.query else sent.path
            connection.putrequest(sent.method, address, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", sent.host or target.netloc.rpartition("@")[2])
            for name, value in _with_length(sent):
                connection.putheader(name, value)
            connection.endheaders(sent.content or None)
            answer = connection.getresponse()
            fields = tuple((name.lower(), value) for name, value in answer.getheaders())
            return Got(answer.status, fields, answer.read())
        finally:
            connection.close()

    return ask


def in_process(app: Callable[..., Any], host: str = "probe.example") -> Ask:
    """Ask an ASGI application."""

    def ask(sent: Sent) -> Got:
        return asyncio.run(_asked(app, sent, host))

    return ask


async def _asked(app: Callable[..., Any], sent: Sent, host: str) -> Got:
    fields = [("host", sent.host or host), *_with_length(sent)]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": sent.method,
        "scheme": "https",
        "path": sent.path,
        "raw_path": sent.path.encode("latin-1"),
        "query_string": sent.query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields],
        "client": ("192.0.2.1", 4321),
        "server": (host, 443),
    }
    messages: list[Any] = []
    parts = [{"type": "http.request", "body": sent.content, "more_body": False}]

    async def receive() -> Any:
        return parts.pop() if parts else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        messages.append(message)

    await app(scope, receive, send)
    start = next(each for each in messages if each["type"] == "http.response.start")
    body = b"".join(each.get("body", b"") for each in messages if each["type"] == "http.response.body")
    heads = tuple(
        (bytes(name).decode("latin-1").lower(), bytes(value).decode("latin-1"))
        for name, value in start["headers"]
    )
    return Got(start["status"], heads, b"" if sent.method == "HEAD" else body)


def _with_length(sent: Sent) -> list[tuple[str, str]]:
    length = [("Content-Length", str(len(sent.content)))] if sent.content else []
    return [*sent.fields, *length]
