"""One connection to an upstream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import httptools

from afresh.http.serve.incoming import Incoming

_PIECE = 65_536
_MOST_HEAD = 262_144
_CHUNKED = b"\r\ntransfer-encoding:"


class Gone(Exception):  # caught by `Upstream`, which answers 502
    """The connection ended before the answer did, or what came is no answer."""


class Late(Exception):  # caught by `Upstream`, which answers 504
    """The upstream says nothing."""


class AnswerHead(NamedTuple):
    """Status and fields of an answer."""

    status: int
    fields: list[tuple[bytes, bytes]]


class Channel:
    """Asks one request after another.

    Attributes:
        trailers: Fields that came after the content.
        used: It has answered before.
        left: It was closed because nobody wants the answer any more.
        switching: A 101 is what is asked for.
    """

    def __init__(self, reader: Incoming, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._sending: asyncio.Task[None] | None = None
        self.used = False
        self.left = False
        self.switching = False
        self._reset("GET")

    @property
    def alive(self) -> bool:
        """Whether nobody has closed it, and nothing came that nobody asked for."""
        return not (self._reader.ended or self._parser_left or self._reader.waiting())

    @property
    def reusable(self) -> bool:
        """Whether it can be asked again: the request is sent, the answer has ended, and nothing came behind it."""
        sent = self._sending is None and not self._writer.transport.get_write_buffer_size()
        return sent and self._ended and self._keep and self.alive

    def _reset(self, method: str) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._method = method
        self._status = 0
        self._fields: list[tuple[bytes, bytes]] = []
        self._interim: list[AnswerHead] = []
        self.trailers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._head_done = self._ended = self._keep = self._bodiless = False
        self._parser_left = False

    # -- asking ---------------------------------------------------------------------------------

    async def ask(self, head: bytes, body: bytes, rest: AsyncIterator[bytes] | None, chunked: bool) -> None:
        """Send a request; the rest of a long body while the answer comes.

        Raises:
            Gone: The upstream has closed it, or has said something before it was asked.
        """
        if self._reader.ended:
            raise Gone("what the upstream says is no answer: nothing was asked")
        self._reader.asked()
        if rest is not None:
            self._writer.write(_with_chunks(head) if chunked else head)
            self._sending = asyncio.create_task(self._send(body, rest, chunked))
            return
        if chunked and (body or _CHUNKED in head):
            piece = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            self._writer.write(_with_chunks(head) + piece + b"0\r\n\r\n")
        else:
            self._writer.write(head + body)
        await self._writer.drain()

    async def _send(self, body: bytes, rest: AsyncIterator[bytes], chunked: bool) -> None:
        async def one(piece: bytes) -> None:
            self._writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            await self._writer.drain()

        if body:
            await one(body)
        async for piece in rest:
            await one(piece)
        if chunked:
            self._writer.write(b"0\r\n\r\n")
            await self._writer.drain()

    # -- the answer -----------------------------------------------------------------------------

    async def head(
        self, method: str, patience: float, interim: Callable[[AnswerHead], Awaitable[object]]
    ) -> AnswerHead:
        """Status and fields of the final answer.

        Args:
            method: Of the request.
            patience: Seconds that the upstream may say nothing.
            interim: Gets those that come before it (1xx).

        Raises:
            Gone: There is none.
            Late: It takes too long.
        """
        self._reset(method)
        got = 0
        while True:
            got += await self._read(patience)
            while self._interim:
                await interim(self._interim.pop(0))
            if self._head_done:
                if self._status == 101 and not self.switching:
                    raise Gone("the upstream wants another protocol")
                return AnswerHead(self._status, self._fields)
            if got > _MOST_HEAD:
                raise Gone("the head of the answer is too long")

    async def body(self, patience: float) -> AsyncIterator[bytes]:
        """The content, as it comes.

        Raises:
            Gone: It isn't whole.
            Late: It takes too long.
        """
        while True:
            if self._pieces:
                pieces, self._pieces = self._pieces, []
                yield b"".join(pieces)
            elif self._ended:
                break
            else:
                await self._read(patience)
        await self._sent()

    def taken(self) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
        """After a 101: what came behind it, and the connection, which is another protocol's now."""
        return b"".join(self._pieces), self._reader, self._writer

    async def _sent(self) -> None:
        """The answer is there: what the upstream has not read of the request by now it doesn't want."""
        sending = self._sending
        if sending is not None and sending.done() and not sending.cancelled() and sending.exception() is None:
            self._sending = None

    async def _read(self, patience: float) -> int:
        try:
            async with asyncio.timeout(patience):
                data = await self._reader.read(_PIECE)
        except TimeoutError:
            raise Late("the upstream says nothing") from None
        if not data:
            self._at_end()
            return 0
        self._parse(data)
        if self._ended and not self.switching:
            self._reader.answered()
        return len(data)

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as switched:
            if not self.switching:
                raise Gone("the upstream wants another protocol") from None
            self._pieces.append(data[switched.args[0] :])
        except httptools.HttpParserError as error:
            if self._ended:  # more than the answer: RFC 9112 §6.3 lets it be dropped, with the connection
                self._parser_left = True
                return
            raise Gone(f"what came is no answer: {error}") from None

    def _at_end(self) -> None:
        """The upstream closed, or we did. Its end is that of a content whose length nobody said, and breaks any other."""
        framed = any(
            name == b"content-length" or _ends_in_chunks(name, value) for name, value in self._fields
        )
        if not self._head_done or self._ended or framed or self.left:
            if not self._ended:
                raise Gone("the upstream closed its connection")
            return
        self._ended, self._keep = True, False

    # -- the parser's calls ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """An answer begins; after the last one that would be one that nobody asked for."""
        if self._ended:
            self._parser_left = True
        else:
            self._fields = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field; after the head, one of the trailers, which must not be taken for it (RFC 9110 §6.5.1)."""
        if not self._parser_left:
            (self.trailers if self._head_done else self._fields).append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is there."""
        status = self._parser.get_status_code()
        if self._parser_left:
            return
        if not 100 <= status < 600:
            raise Gone(f"the status {status}")
        if 100 <= status < 200 and status != 101:
            self._interim.append(AnswerHead(status, self._fields))
            return
        self._head_done, self._status = True, status
        self._keep = self._parser.should_keep_alive()
        self._bodiless = self._method == "HEAD" or status in {204, 304}
        if self._bodiless:
            self._ended = True
            self._keep = self._keep and not self._announced()

    def _announced(self) -> bool:
        """A content is spoken of that must not come. If it comes all the same, then maybe behind the next request."""
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0 "))
            for name, value in self._fields
        )

    def on_body(self, piece: bytes) -> None:
        """Some content."""
        if self._bodiless:
            self._parser_left = True
        elif not self._parser_left:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """It ends."""
        if self._head_done:
            self._ended = True

    def close(self) -> None:
        """Close it; whoever reads from it finds it gone. Safe to call twice."""
        sending, self._sending = self._sending, None
        if sending is not None and not sending.cancel() and not sending.cancelled():
            sending.exception()  # of no more interest
        self._writer.close()
        self._reader.close()


def _ends_in_chunks(name: bytes, value: bytes) -> bool:
    """A field that says that the content says where it ends; other codings end with the connection."""
    return name == b"transfer-encoding" and value.rpartition(b",")[2].strip().lower() == b"chunked"


def _with_chunks(head: bytes) -> bytes:
    if _CHUNKED in head:
        return head
    return head[:-2] + b"transfer-encoding: chunked\r\n\r\n"
