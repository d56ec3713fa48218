"""Requests that are sent together, and the pairing of answers with them. Pure, like the codec."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from afresh.backends.memcached.client import Request, Response
from afresh.backends.memcached.keys import on_the_wire
from afresh.backends.memcached.wire.codec import Decoder, ProtocolError, Refused, checked, encode, last_word

_RECORD = 16_384  # bytes of a TLS record, and of memcached's buffer
_SAFE = frozenset({"ms", "md", "mn", "me"})
_CONDITIONAL = frozenset("CMI")


class Batch:
    """Some requests to one server.

    Attributes:
        parts: What is sent, each a whole request, or several.
        timeout: Seconds to wait for all of the answers, and
        deadline: the moment when they are over, by the clock of whoever waits.
        responses: Those that came.
        trouble: Why the rest did not come.
        old_news: The connection may have been broken before the requests were sent.
        finished: Called once, when the last answer or the trouble is there.
    """

    __slots__ = ("_commands", "deadline", "finished", "old_news", "parts", "responses", "timeout", "trouble")

    def __init__(self, commands: Sequence[str], parts: Sequence[bytes], timeout: float) -> None:
        self._commands = commands
        self.parts = parts
        self.timeout = timeout
        self.deadline = 0.0
        self.responses: list[Response] = []
        self.trouble = ""
        self.old_news = False
        self.finished: Callable[[], None] | None = None

    @property
    def count(self) -> int:
        """How many requests there are."""
        return len(self._commands)

    @property
    def size(self) -> int:
        """Bytes that are sent."""
        return sum(map(len, self.parts))

    def take(self, response: Response) -> bool:
        """The next answer; says whether it is the last.

        Raises:
            ProtocolError: It is no answer to the request whose turn it is, or no answer after it is one.
        """
        command = self._commands[len(self.responses)]
        self.responses.append(checked(command, response))
        if last_word(command, response):
            raise Refused(response.error)
        return len(self.responses) == len(self._commands)

    def again(self) -> Batch:
        """The same requests, to be sent once more."""
        return type(self)(self._commands, self.parts, self.timeout)

    def answers(self) -> list[Response]:
        """One for each request; the trouble where there is none."""
        lost = len(self._commands) - len(self.responses)
        return self.responses + [Response("", (), None, self.trouble or "not asked")] * lost


class Gets(Batch):
    """Quiet reads of many keys: only what is there is answered, and a no-op ends it.

    The requests are numbered with opaque tokens, so an answer says whose it is.
    """

    __slots__ = ("_last", "found")

    def __init__(self, commands: Sequence[str], parts: Sequence[bytes], timeout: float) -> None:
        super().__init__(commands, parts, timeout)
        self.found: dict[int, bytes] = {}
        self._last = -1

    @classmethod
    def of(cls, keys: Sequence[bytes], timeout: float) -> Gets:
        """Ask for the values of some keys."""
        lines = [b"mg %b%b v q O%d\r\n" % (*on_the_wire(key), at) for at, key in enumerate(keys)]
        return cls(["mg"] * len(keys), [*lines, b"mn\r\n"], timeout)

    def take(self, response: Response) -> bool:
        """A value, or the end.

        Raises:
            ProtocolError: It is neither, or has not this number's turn.
        """
        if response.status == "MN":
            return True
        if response.error:
            return False
        number = response.flag("O") or ""
        at = int(number) if number.isdecimal() and len(number) < 10 else -1
        if response.value is None or not self._last < at < len(self._commands):
            raise ProtocolError(f"{response.status} O{number} is no answer to a quiet mg")
        self._last = at
        self.found[at] = response.value
        return False


class Lines(Batch):
    """A command of the old protocol that is answered with lines: `version`, `stats`."""

    __slots__ = ("_ends",)

    def __init__(self, commands: Sequence[str], parts: Sequence[bytes], timeout: float) -> None:
        super().__init__(commands, parts, timeout)
        self._ends = len(commands)

    def take(self, response: Response) -> bool:
        """A line; the last is `VERSION …`, `END` or an error."""
        self.responses.append(response)
        if response.status != "STAT":
            self._ends -= 1
        return not self._ends

    def stats(self) -> dict[str, str]:
        """Names and values of the `STAT` lines."""
        return {
            each.flags[0]: " ".join(each.flags[1:])
            for each in self.responses
            if each.status == "STAT" and each.flags
        }


class Pairing:
    """The answers of one connection, each given to the batch whose turn it is."""

    __slots__ = ("_decoder", "waiting")

    def __init__(self) -> None:
        self._decoder = Decoder()
        self.waiting: deque[Batch] = deque()

    @property
    def missing(self) -> int:
        """How many bytes more the next answer needs at least."""
        return self._decoder.missing

    def feed(self, data: bytes) -> None:
        """Take what the server sent, and end the batches that are answered by it.

        Raises:
            ProtocolError: It is not what was asked for; nothing after it can be trusted.
        """
        decoder = self._decoder
        decoder.feed(data)
        while (response := decoder.next()) is not None:
            if not self.waiting:
                raise ProtocolError(f"{response.status or 'something'} that nobody asked for")
            if self.waiting[0].take(response):
                ended = self.waiting.popleft()
                if ended.finished is not None:
                    ended.finished()
        if decoder.rest and not self.waiting:
            raise ProtocolError("something that nobody asked for")

    def abandon(self, trouble: str, *, old_news: bool = False) -> None:
        """The connection is gone: nobody who waits gets an answer any more."""
        while self.waiting:
            batch = self.waiting.popleft()
            batch.trouble, batch.old_news = trouble, old_news
            if batch.finished is not None:
                batch.finished()


def batch_of(requests: Sequence[Request], timeout: float) -> Batch:
    """Requests as a batch.

    Raises:
        ValueError: One of them can't be sent.
    """
    return Batch([each.command for each in requests], [encode(each) for each in requests], timeout)


def packets(parts: Iterable[bytes], *, tls: bool) -> list[bytes]:
    """What is handed to the socket at once.

    With TLS that is whole requests that fit into one record, or one request alone: memcached (1.6.18)
    reads a value's end from the record that holds it, and forgets what else was in the record.
    """
    if not tls:
        return [b"".join(parts)]
    ready: list[bytes] = []
    collected: list[bytes] = []
    size = 0
    for part in parts:
        if collected and size + len(part) > _RECORD:
            ready.append(b"".join(collected))
            collected, size = [], 0
        collected.append(part)
        size += len(part)
    if collected:
        ready.append(b"".join(collected))
    return ready


def may_repeat(request: Request) -> bool:
    """Whether doing it twice does what doing it once does.

    Not so for what counts, and for what is written on a condition that the first time may have changed.
    A read that asks for the lease may be repeated: at worst the lease is nobody's until it ends.
    """
    return request.command == "mg" or _repeatable(request.command, request.flags)


@lru_cache(1024)
def _repeatable(command: str, flags: tuple[str, ...]) -> bool:
    return command in _SAFE and not any(flag[:1] in _CONDITIONAL for flag in flags)
