"""Many requests in ambiguous forms, cut anywhere, before an origin that looks at what reaches it."""

from __future__ import annotations

import random
from typing import Any

from serving_tools import Wire, running
from test_serve_upstream import head_of, origin

from afresh import Cache
from afresh.http.asgi import CacheMiddleware
from afresh.http.serve.upstream import Upstream
from sizes import seed, size

EVIL = b"GET /evil HTTP/1.1\r\nHost: x\r\n\r\n"
MORE = [
    b"", b"Connection: content-length\r\n", b"Connection: close, host\r\n", b"Connection: transfer-encoding\r\n",
    b"Connection: keep-alive\r\n", b"TE: trailers\r\nConnection: TE\r\n", b"Expect: 100-continue\r\n",
    b"Content-Length : 5\r\n", b"Transfer-Encoding: xchunked\r\n", b"Transfer-Encoding : chunked\r\n",
    b"Transfer_Encoding: chunked\r\n", b"Content_Length: 3\r\n", b"X: y\r\n\tz\r\n", b"X: a\nEvil: b\r\n",
    b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"Upgrade: h2c\r\nConnection: upgrade\r\n",
]  # fmt: skip
TRAILERS = [b"", b"Host: y\r\n", b"Content-Length: 9\r\n"]
PATHS = [f"/p{number}" for number in range(6)]


def request(chance: random.Random) -> bytes:
    """One request, whose content, if it has any, is one that nobody sent."""
    method = chance.choice(["GET", "HEAD", "POST", "POST"])
    head = f"{method} {chance.choice(PATHS)} HTTP/1.1\r\nHost: x\r\n".encode() + chance.choice(MORE)
    counted = b"Content-Length: %d\r\n" % len(EVIL)
    chunked = b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(EVIL), EVIL, chance.choice(TRAILERS))
    framed = [
        b"\r\n",
        counted + b"\r\n" + EVIL,
        b"Transfer-Encoding: chunked\r\n\r\n" + chunked,
        counted + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + EVIL,
    ]
    return head + chance.choice(framed)


class Origin:
    """Answers with the path that is asked for; what nobody sent is noted."""

    def __init__(self) -> None:
        self.smuggled: list[list[bytes]] = []
        self.asked = 0

    def __call__(self, file: Any) -> None:
        while lines := head_of(file):
            self.asked += 1
            fields = [
                (name, value) for name, _, value in (each.lower().partition(b": ") for each in lines[1:])
            ]
            method, path, _ = lines[0].split(b" ") if lines[0].count(b" ") == 2 else (b"", b"", b"")
            hosts = [value for name, value in fields if name == b"host"]
            if path.decode() not in PATHS or hosts != [b"x"]:
                self.smuggled.append(lines)
            if not self._read(file, dict(fields)):
                return
            length = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n" % len(path)
            file.write(length + (b"" if method == b"HEAD" else path))
            file.flush()

    def _read(self, file: Any, fields: dict[bytes, bytes]) -> bool:
        if b"content-length" in fields:
            file.read(int(fields[b"content-length"]))
        elif b"transfer-encoding" in fields:
            while count := int(file.readline() or b"0", 16):
                file.read(count + 2)
            return bool(file.readline())
        return True


def heard(wire: Wire, data: bytes, cut: int) -> bytes:
    """All that the server says to it, until it closes."""
    said = b""
    try:
        wire.say(data[:cut])
        wire.say(data[cut:])
        while more := wire.socket.recv(65_536):
            said += more
    except ConnectionError:
        pass  # it refuses, and doesn't read the rest
    return said


def test_nothing_reaches_the_upstream_that_was_not_a_request_here() -> None:
    chance, behind = random.Random(seed()), Origin()
    last = b"GET /p0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with (
        origin(behind) as url,
        Cache("memory://") as cache,
        running(CacheMiddleware(Upstream(url), cache), lifespan="on", log_level="critical") as port,
    ):
        for number in range(size(40, 4_000)):
            data = b"".join(request(chance) for _ in range(chance.randrange(1, 5))) + last
            with Wire(port) as wire:
                assert b"/evil" not in heard(wire, data, chance.randrange(len(data)))
            if number % 10 == 0:
                with Wire(port) as wire:
                    assert [wire.ask(path)[2].decode() for path in PATHS] == PATHS
    assert behind.smuggled == []
    assert behind.asked
