"""Early hints and trailers: two extensions of ASGI that uvicorn doesn't have.

An application finds them in `scope["extensions"]`, as the ASGI specification has them, and sends
`http.response.early_hint` before its answer, or `http.response.trailers` after it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

HINTS, TRAILERS = "http.response.early_hint", "http.response.trailers"
EXTENSIONS: dict[str, dict[str, Any]] = {HINTS: {}, TRAILERS: {}}

_LAST_CHUNK = b"0\r\n\r\n"
_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class Extended:
    """What stands in the place of `send` of one of uvicorn's cycles.

    Args:
        cycle: uvicorn's `RequestResponseCycle`.
    """

    __slots__ = ("_cycle", "_send", "_waits")

    def __init__(self, cycle: Any) -> None:
        self._cycle = cycle
        self._send: Callable[[Any], Awaitable[None]] = cycle.send
        self._waits = False

    async def __call__(self, message: Mapping[str, Any]) -> None:
        """Take a message of the application's."""
        kind = message["type"]
        if kind == "http.response.start":
            self._waits = bool(message.get("trailers")) and takes_trailers(self._cycle.scope["headers"])
        elif kind == HINTS:
            self._hint(message["links"])
            return
        elif kind == TRAILERS:
            await self._end(message)
            return
        elif self._waits and not message.get("more_body", False):
            message = {**message, "more_body": True}
        await self._send(message)

    def _hint(self, links: Iterable[bytes]) -> None:
        cycle, lines = self._cycle, [b"link: " + _checked(bytes(link), _VALUE) for link in links]
        if lines and not (cycle.disconnected or cycle.response_started):
            cycle.transport.write(b"\r\n".join([b"HTTP/1.1 103 Early Hints", *lines, b"", b""]))

    async def _end(self, message: Mapping[str, Any]) -> None:
        """The trailers, behind the last chunk; dropped where there are no chunks, or nobody wants them."""
        if not self._waits or message.get("more_trailers", False):
            return
        self._waits, cycle = False, self._cycle
        transport = cycle.transport
        cycle.transport = _Ending(transport, b"".join(map(_line, message.get("headers", ()))))
        try:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            cycle.transport = transport


class _Ending:
    """A transport that writes trailers behind the last chunk."""

    def __init__(self, transport: Any, trailers: bytes) -> None:
        self._transport = transport
        self._trailers = trailers

    def write(self, data: bytes) -> None:
        """Write what uvicorn would."""
        self._transport.write(b"0\r\n" + self._trailers + b"\r\n" if data == _LAST_CHUNK else data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def takes_trailers(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a client has said that it takes them (RFC 9110 §10.1.4)."""
    members = [each.strip().lower() for name, value in headers if name == b"te" for each in value.split(b",")]
    return b"trailers" in members


def _line(pair: Iterable[bytes]) -> bytes:
    name, value = pair
    return _checked(bytes(name), _NAME).lower() + b": " + _checked(bytes(value), _VALUE) + b"\r\n"


def _checked(text: bytes, form: re.Pattern[bytes]) -> bytes:
    if form.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no part of a field")
    return text
