"""The protocol of one connection: hits are answered here, all else is uvicorn's.

By composition of two parsers: ours knows where each request begins and ends, and refuses what is
ambiguous; the bytes of a request that isn't a hit go on, as they came, to uvicorn's own protocol
object, which this one is. While uvicorn is at work on a request, those behind it go to uvicorn too:
answers keep their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from afresh.http.serve.answers import Answers, Known, cache_of
from afresh.http.serve.extending import EXTENSIONS, Extended
from afresh.http.serve.framing import Framer, Piece
from afresh.http.serve.head import Head, Malformed
from afresh.http.serve.marking import MARK
from afresh.http.serve.patience import Patience
from afresh.http.serve.tunnel import Tunnel, goes_through, scope_of

_LOG_LINE = '%s - "%s %s HTTP/%s" %d'


class Protocol(HttpToolsProtocol):
    """One connection of `uvicorn --http afresh.http.serve:Protocol`.

    The application has to be a `CacheMiddleware`, with nothing before it that a hit must not go past;
    else all requests are uvicorn's, but for those that are refused.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._framer = Framer()
        self._answers: Answers | None = None
        self._known: Mapping[bytes, Known] = {}
        self._peer = ""
        self._held: list[bytes] = []  # came while the client doesn't read what it asked for
        self._refused: Malformed | None = None
        self._in_head = True
        self._elsewhere = False  # another protocol has the connection
        self._used = False
        self._patience = Patience()
        self._watch: asyncio.TimerHandle | None = None

    # -- the connection -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        self._peer = f"{self.client[0]}:{self.client[1]}" if self.client else ""
        self._answers = self._answers_of(self.client[0] if self.client else None)
        if self._answers is not None:
            self._known = self._answers.known
        self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        if self._watch is not None:
            self._watch.cancel()
        self._held.clear()
        super().connection_lost(exc)

    def _answers_of(self, peer: str | None) -> Answers | None:
        """One for all connections of a kind: what one of them has learnt, all know."""
        kinds = cast("dict[Any, Answers | None]", self.config.__dict__.setdefault("_afresh_answers", {}))
        middleware, trusted = cache_of(self.app)
        kind = (self.scheme, trusted is not None and peer in trusted)
        if kind not in kinds:
            found = None if middleware is None else Answers(middleware, str(kind[0]), kind[1], STATUS_LINE)
            kinds[kind] = found
        return kinds[kind]

    def _look(self) -> None:
        """End a connection on which nothing has happened for the time of `timeout_keep_alive`, or too little."""
        if self._elsewhere:
            return
        self._look_again()
        idle, patience = self._idle(), self._patience
        if patience.unread(self.loop.time(), self.transport.get_write_buffer_size()):
            self.transport.abort()
        elif self.transport.is_closing():
            pass  # what is left has to be read first
        elif patience.late(self._framer.begun if idle else None):
            self._refuse(Malformed("the request doesn't come", 408))
        elif self._used or not idle:
            self._used = False
        elif self._framer.between:
            self.transport.close()
        else:
            self._refuse(Malformed("the request doesn't come", 408))

    def _look_again(self) -> None:
        self._watch = self.loop.call_later(self.timeout_keep_alive, self._look)

    def _idle(self) -> bool:
        """Whether uvicorn has nothing to do for this connection."""
        return (self.cycle is None or self.cycle.response_complete) and not self.pipeline

    # -- requests -------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Some bytes came. First the way of most hits: a head that came before, when nothing else is under way."""
        self._used = True
        known = self._known.get(data)
        if known is not None and self._free() and self._hit(self._answers, known):
            return
        if self._held or self.flow.write_paused:
            self._held.append(data)
            self.flow.pause_reading()
        else:
            self._received(data)

    def _free(self) -> bool:
        """Whether a request that comes now can be answered now."""
        cycle = self.cycle
        return (
            (cycle is None or cycle.response_complete)
            and self._framer.between
            and not (
                self._held or self.flow.write_paused or self.pipeline or self._elsewhere or self._refused
            )
        )

    def _received(self, data: bytes) -> None:
        if self._elsewhere:
            super().data_received(data)
        elif self._refused is None and not self.transport.is_closing():
            self._take(data)

    def _take(self, data: bytes) -> None:
        try:
            for piece in self._framer.feed(data):
                if self._one(piece):
                    return
                if self.flow.write_paused:
                    self._held.insert(0, self._framer.rest())
                    self.flow.pause_reading()
                    return
                if self.transport.is_closing():
                    return
        except Malformed as refused:
            self._refuse(refused)

    def _one(self, piece: Piece) -> bool:
        """Answer a piece, or pass it on; says whether the connection is another protocol's now."""
        head, answers = piece.head, self._answers
        if head is not None and answers is not None and self._idle():
            known = answers.learn(piece.raw, head)
            if known is not None and self._hit(answers, known):
                return False
        raw = piece.raw
        if head is not None and not _spoken(head.method):
            raise Malformed("the method is not known", 501)  # uvicorn would say so before earlier answers
        if head is not None and head.upgrade:
            if _for_websockets(head) and self._goes_through():
                self._through(head)
                return True
            if self.ws_protocol_class is not None and _for_websockets(head):
                self._elsewhere = True
                super().data_received(raw + self._framer.rest())
                return True
            # RFC 9110 §7.8: an Upgrade may be ignored. uvicorn's parser would give up the request's body for it.
            raw = without_upgrade(head)
        super().data_received(raw)
        return False

    def _hit(self, answers: Answers | None, known: Known) -> bool:
        wire = None if answers is None else answers.wire(known, self.server_state.default_headers)
        if wire is None:
            return False
        self.transport.write(wire)
        self.server_state.total_requests += 1
        if self.access_log and known.ready is not None:
            self.access_logger.info(
                _LOG_LINE, self._peer, "GET", known.line, f"1.1{MARK}", known.ready.status
            )
        return True

    def _goes_through(self) -> bool:
        """Whether websockets are another server's to speak."""
        known = self.config.__dict__
        if "_afresh_through" not in known:
            known["_afresh_through"] = goes_through(self.app)
        return bool(known["_afresh_through"])

    def _through(self, head: Head) -> None:
        """The connection is no longer HTTP's."""
        if head.method != b"GET" or head.length != 0 or head.target[0] != 47 or head.version != b"1.1":
            raise Malformed("no request for a websocket has that form")
        if not self._idle():
            raise Malformed("a websocket can't begin before its connection is idle")
        self._elsewhere = True
        self._unset_keepalive_if_required()
        if self._watch is not None:
            self._watch.cancel()
        self.connections.discard(self)
        tunnel = Tunnel(self.transport, self._framer.rest(), lambda status: self._logged(head, status))
        connection = {
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
            "state": self.app_state.copy(),
        }
        state, tasks = self.server_state, self.tasks
        state.connections.add(cast("Any", tunnel))
        task = self.loop.create_task(tunnel.run(cast("Any", self.app), scope_of(head, connection)))
        tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            state.connections.discard(cast("Any", tunnel))

        task.add_done_callback(ended)

    def _logged(self, head: Head, status: int) -> None:
        if self.access_log:
            self.access_logger.info(_LOG_LINE, self._peer, "GET", head.target.decode("ascii"), "1.1", status)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._patience.reads()
        super().resume_writing()
        while self._held and not self.flow.write_paused:
            self._received(self._held.pop(0))
        if not self._held:
            self.flow.resume_reading()

    def on_message_begin(self) -> None:
        """A request begins for uvicorn."""
        super().on_message_begin()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field; not one behind the content, which uvicorn would take for one of the head (RFC 9110 §6.5.1)."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A request is uvicorn's: what it sends may have early hints and trailers."""
        self._in_head = False
        before = self.cycle
        if cast("Any", self.parser).get_http_version() == "1.1":
            cast("dict[str, Any]", self.scope)["extensions"] = dict(EXTENSIONS)
        super().on_headers_complete()
        if self.cycle is not before and "extensions" in self.scope:
            self.cycle.send = Extended(self.cycle)  # type: ignore[method-assign]

    # -- ends -----------------------------------------------------------------------------------

    def timeout_keep_alive_handler(self) -> None:
        """Uvicorn's own look at an idle connection: it doesn't know of hits, `_look` does."""

    def on_response_complete(self) -> None:
        """Uvicorn has answered a request."""
        super().on_response_complete()
        self._used = True
        if self._refused is not None and self._idle():
            self._refuse(self._refused)

    def _refuse(self, refused: Malformed) -> None:
        """Answer what is no request, behind what is answered still, and close."""
        self._refused = refused
        if not self._idle():
            self.flow.pause_reading()
            return
        if not self.transport.is_closing():
            self.transport.write(_refusal(refused))
            self.transport.close()


@lru_cache(64)
def _spoken(method: bytes) -> bool:
    """Whether uvicorn's parser knows a method."""
    try:
        httptools.HttpRequestParser(object()).feed_data(method + b" / HTTP/1.1\r\n")
    except httptools.HttpParserError:
        return False
    return True


def _for_websockets(head: Head) -> bool:
    return [value.lower() for name, value in head.fields if name == b"upgrade"] == [b"websocket"]


def without_upgrade(head: Head) -> bytes:
    """The bytes of a head that doesn't ask for another protocol."""
    gone = {b"upgrade", b"http2-settings", b"connection"}
    lines = [b"%b %b HTTP/%b" % (head.method, head.target, head.version)]
    lines += [b"%b: %b" % pair for pair in head.fields if pair[0] not in gone]
    if head.close:
        lines.append(b"connection: close")
    return b"\r\n".join([*lines, b"", b""])


def _refusal(refused: Malformed) -> bytes:
    text = refused.reason.encode()
    head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    return STATUS_LINE[refused.status] + head % len(text) + text
