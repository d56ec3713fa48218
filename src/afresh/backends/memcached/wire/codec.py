"""memcached's meta protocol: requests to bytes, and bytes to answers. Pure: no socket, no clock.

Answers carry nothing that says whose they are: they come in the order of the requests. So whatever
does not look exactly as it should is a `ProtocolError`, and the connection that it came from is
closed: from there on nobody could say which answer is whose.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from afresh.backends.memcached.client import Request, Response
from afresh.backends.memcached.keys import on_the_wire

END_OF_LINE = b"\r\n"
LONGEST_LINE = 4096
LARGEST_VALUE = 1 << 30

_ERRORS = frozenset({"ERROR", "CLIENT_ERROR", "SERVER_ERROR"})
_STATUSES = frozenset({"HD", "EN", "NF", "NS", "EX", "MN", "ME", "OK", "END", "STAT", "VERSION"})
_ANSWERS = {
    "mg": frozenset({"VA", "HD", "EN"}),
    "ms": frozenset({"HD", "NS", "EX", "NF"}),
    "md": frozenset({"HD", "NF", "EX"}),
    "ma": frozenset({"VA", "HD", "NF", "NS", "EX"}),
    "mn": frozenset({"MN"}),
    "me": frozenset({"ME", "EN"}),
}
_DONE = Response("HD")
_MISS = Response("EN")
_tuple: Callable[[type[Response], tuple[str, tuple[str, ...], bytes, str]], Response] = tuple.__new__


class ProtocolError(Exception):
    """What came can't be an answer to what was asked."""


class Refused(ProtocolError):
    """It is an answer, but nothing after it can be trusted: see `last_word`."""


def encode(request: Request) -> bytes:
    """A request as it is sent.

    Raises:
        ValueError: There is no such command, or its flags can't be sent.
    """
    command, key, flags, value, _ = request
    if command == "mg":
        return _read(key, flags)
    if command not in _ANSWERS:
        raise ValueError(f"{command!r} is no meta command: there are {', '.join(_ANSWERS)}.")
    if command == "mn":
        return b"mn\r\n"
    wire, binary = on_the_wire(key)
    tail = binary + _written(flags) if flags else binary
    if command == "ms":
        value = value or b""
        return b"ms %b %d%b\r\n%b\r\n" % (wire, len(value), tail, value)
    return b"%b %b%b\r\n" % (command.encode(), wire, tail)


def as_it_came(response: Response) -> bytes:
    """The bytes of an answer with a value: what it will look like again if nothing changes."""
    flags = "".join([f" {flag}" for flag in response.flags]).encode()
    value = response.value or b""
    return b"VA %d%b\r\n%b\r\n" % (len(value), flags, value)


def plain_get(key: bytes) -> bytes:
    """`mg` that wants the value and nothing else, as it is sent."""
    return _read(key, _VALUE)


_VALUE = ("v",)


@lru_cache(4096)
def _read(key: bytes, flags: tuple[str, ...]) -> bytes:
    wire, binary = on_the_wire(key)
    return b"mg %b%b%b\r\n" % (wire, binary, _written(flags) if flags else b"")


@lru_cache(1024)
def _written(flags: tuple[str, ...]) -> bytes:
    for flag in flags:
        if not flag.isprintable() or not flag.isascii() or not flag or " " in flag:
            raise ValueError(f"{flag!r} is no flag: a letter and what belongs to it, without spaces.")
        if flag == "q":
            raise ValueError("the flag q leaves out answers: use get_many or submit.")
    return (" " + " ".join(flags)).encode()


def checked(command: str, response: Response) -> Response:
    """An answer that can be one to a command.

    Raises:
        ProtocolError: It can't.
    """
    if response.error or response.status in _ANSWERS[command]:
        return response
    raise ProtocolError(f"{response.status} is no answer to {command}")


def last_word(command: str, response: Response) -> bool:
    """Whether nothing that follows an answer can be trusted.

    A server that refuses an `ms` may take its value for commands, and answer them.
    """
    return response.status == "ERROR" or (command == "ms" and response.status == "CLIENT_ERROR")


def sole_answer(command: str, data: bytes) -> Response | None:
    """The answer to a command, where `data` is one whole answer and nothing else; else `None`.

    This is the way of nearly every hit; what it leaves is the decoder's.
    """
    if command == "mg" and data[:3] == b"VA ":
        end = data.find(b"\r\n")
        size, *flags = data[3:end].decode("latin-1").split(" ")
        if size.isdecimal() and len(size) <= 10 and end + 4 + int(size) == len(data) and data[-2:] == b"\r\n":
            # `Response(…)` would take as long as all the rest.
            return _tuple(Response, ("VA", tuple(flags), data[end + 2 : -2], ""))
    elif data == b"HD\r\n":
        return _DONE if "HD" in _ANSWERS[command] else None
    elif data == b"EN\r\n":
        return _MISS if "EN" in _ANSWERS[command] else None
    return None


class Decoder:
    """Answers out of bytes that come in pieces of any size."""

    __slots__ = ("_at", "_data", "_have", "_need", "_parts")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0  # where the next answer begins
        self._parts: list[bytes] = []  # what came later than `_data`
        self._have = 0  # bytes from `_at` on
        self._need = 1  # less than this is no whole answer

    @property
    def rest(self) -> int:
        """How many bytes belong to no answer yet."""
        return self._have

    @property
    def missing(self) -> int:
        """How many bytes more the next answer needs at least."""
        return max(self._need - self._have, 1)

    def feed(self, data: bytes) -> None:
        """Take what the server sent."""
        if self._have:
            self._parts.append(data)
        else:
            self._data, self._at = data, 0
        self._have += len(data)

    def next(self) -> Response | None:
        """The next answer, or `None` until more bytes come.

        Raises:
            ProtocolError: That is no answer. The decoder can't be used any more.
        """
        if self._have < self._need:
            return None
        data, at = self._data, self._at
        if self._parts:
            data = self._data = b"".join((data[at:], *self._parts))
            at = self._at = 0
            self._parts.clear()
        end = data.find(b"\r\n", at, at + LONGEST_LINE)
        if end < 0:
            if self._have >= LONGEST_LINE:
                raise ProtocolError(f"a line without an end: {data[at : at + 40]!r}…")
            self._need = self._have + 1
            return None
        line = data[at:end]
        if line.startswith(b"VA "):
            return self._with_value(line, end + 2)
        self._pass(end + 2)
        return _DONE if line == b"HD" else _MISS if line == b"EN" else _without_value(line)

    def _with_value(self, line: bytes, begin: int) -> Response | None:
        words = _words(line)
        size = words[1] if len(words) > 1 else ""
        if not size.isdecimal() or len(size) > 10 or int(size) > LARGEST_VALUE:
            raise ProtocolError(f"no size of a value: {line[:40]!r}")
        end = begin + int(size)
        self._need = end + 2 - self._at
        if self._have < self._need:
            return None
        if self._data[end : end + 2] != b"\r\n":
            raise ProtocolError("a value that goes on after its end")
        value = self._data[begin:end]
        self._pass(end + 2)
        return Response("VA", tuple(words[2:]), value)

    def _pass(self, to: int) -> None:
        self._have -= to - self._at
        self._need = 1
        if self._have:
            self._at = to
        else:
            self._data, self._at = b"", 0


def _words(line: bytes) -> list[str]:
    words = line.decode("latin-1").split(" ")
    return [word for word in words if word] if "" in words else words


def _without_value(line: bytes) -> Response:
    words = _words(line)
    status = words[0] if words else ""
    if status in _STATUSES:
        return Response(status, tuple(words[1:]))
    if status in _ERRORS:
        return Response(status, (), None, " ".join(words))
    raise ProtocolError(f"no answer: {line[:40]!r}")
