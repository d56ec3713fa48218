"""The least HTTP/1.1 client that will do: one kept connection, one request at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

_DEADLINE = 60.0  # seconds for one answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `head` is the status line and the headers, as bytes."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """A header's value, or the empty string."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return ""


class Connection:
    """A connection to one address, opened by its first request and kept until `close`."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._host = f"{address[0]}:{address[1]}".encode()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def get(self, target: str, cookie: str = "") -> Answer:
        """Ask for a page."""
        return await self._request(b"GET", target, cookie, b"")

    async def post(self, target: str, form: Mapping[str, object], cookie: str = "") -> Answer:
        """Send a form."""
        return await self._request(b"POST", target, cookie, urlencode(form).encode())

    async def close(self) -> None:
        """Hang up."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _request(self, method: bytes, target: str, cookie: str, body: bytes) -> Answer:
        head = b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (method, target.encode(), self._host)
        if cookie:
            head += b"Cookie: %b\r\n" % cookie.encode()
        if method == b"POST":
            head += b"Content-Type: application/x-www-form-urlencoded\r\n"
            head += b"Content-Length: %d\r\n" % len(body)
        async with asyncio.timeout(_DEADLINE):
            return await self._exchange(head + b"\r\n" + body)

    async def _exchange(self, request: bytes) -> Answer:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(*self._address, limit=1 << 20)
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        answer = Answer(int(head[9:12]), head, b"")
        body = await self._reader.readexactly(int(answer.header("content-length") or 0))
        return Answer(answer.status, head, body)


async def sign_in(address: tuple[str, int], person: str, password: str) -> str:
    """The cookie that the site gives a person.

    Raises:
        RuntimeError: It gives none.
    """
    connection = Connection(address)
    try:
        answer = await connection.post("/sign-in", {"name": person, "password": password})
    finally:
        await connection.close()
    cookie = answer.header("set-cookie").partition(";")[0]
    if answer.status != 303 or not cookie:
        raise RuntimeError(f"{person} could not sign in: status {answer.status}")
    return cookie
