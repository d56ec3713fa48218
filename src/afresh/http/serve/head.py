"""The head of a request, strictly: whatever two servers could read in two ways is refused.

RFC 9112 allows a server to be lenient in places. Each of them has been used to smuggle a request past
a cache, or to store one visitor's answer as another's. So none of them is used here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

HEAD_LIMIT = 65_536
TARGET_LIMIT = 8_192
FIELDS_LIMIT = 200

_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP/(\d\.\d)")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~%!$&'()*+,;=]*)(?::\d{0,5})?")
_LENGTH = re.compile(rb"\d{1,18}")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)


class Malformed(Exception):  # caught by the protocol, which answers
    """A request that is refused.

    Attributes:
        status: What to answer.
        reason: What is wrong with it.
    """

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Head(NamedTuple):
    """What a head says.

    Attributes:
        method: The method.
        target: As it came.
        version: `1.1` or `1.0`.
        fields: Names in lower case, and values.
        length: Bytes of the body; `None`: it comes in chunks.
        upgrade: It asks for another protocol.
        close: It is the last request of its connection.
    """

    method: bytes
    target: bytes
    version: bytes
    fields: list[tuple[bytes, bytes]]
    length: int | None
    upgrade: bool
    close: bool


def parse(raw: bytes) -> Head:
    """The head in `raw`, which ends with the empty line.

    Raises:
        Malformed: It isn't one, or could be read in two ways.
    """
    lines = raw[:-4].split(b"\r\n")
    if any(b"\n" in line or b"\r" in line for line in lines):
        raise Malformed("a line ends with half a line end")
    method, target, version = _request_line(lines[0])
    if len(lines) > FIELDS_LIMIT:
        raise Malformed("too many fields", 431)
    fields = [_field(line) for line in lines[1:]]
    by_name: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        by_name.setdefault(name, []).append(value)
    _check_host(by_name.get(b"host", []), version, target)
    connection = [
        token.strip().lower() for value in by_name.get(b"connection", ()) for token in value.split(b",")
    ]
    return Head(
        method,
        target,
        version,
        fields,
        _length(by_name, version),
        b"upgrade" in connection and b"upgrade" in by_name,
        b"close" in connection or version == b"1.0",
    )


def _request_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise Malformed("the request line is none")
    method, target, version = found.groups()
    if version not in {b"1.1", b"1.0"}:
        raise Malformed("an unknown version of HTTP", 505)
    if len(target) > TARGET_LIMIT:
        raise Malformed("the target is too long", 414)
    if b"#" in target or not (target[0] == 47 or target == b"*" or _ABSOLUTE.match(target)):
        raise Malformed("the target is none")
    return method, target, version


def _field(line: bytes) -> tuple[bytes, bytes]:
    found = _FIELD.fullmatch(line)
    if found is None:
        raise Malformed("a field is none")
    return found[1].lower(), found[2].rstrip(b" \t")


def _check_host(hosts: list[bytes], version: bytes, target: bytes) -> None:
    if len(hosts) > 1 or (not hosts and version == b"1.1"):
        raise Malformed("there must be one Host")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise Malformed("Host is no name of a host")
    absolute = _ABSOLUTE.match(target)
    if absolute and (not hosts or absolute[1].lower() != hosts[0].lower()):
        raise Malformed("Host is not that of the target")


def _length(by_name: dict[bytes, list[bytes]], version: bytes) -> int | None:
    codings, lengths = by_name.get(b"transfer-encoding"), by_name.get(b"content-length")
    if codings is None:
        if lengths is None:
            return 0
        if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
            raise Malformed("there must be one Content-Length, a number")
        return int(lengths[0])
    if lengths is not None:
        raise Malformed("both Content-Length and Transfer-Encoding")
    if version == b"1.0":
        raise Malformed("Transfer-Encoding in HTTP/1.0")
    if [coding.lower() for coding in codings] != [b"chunked"]:
        raise Malformed("a Transfer-Encoding other than chunked", 501)
    return None
