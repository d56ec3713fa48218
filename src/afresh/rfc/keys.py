"""The key under which the variants of a resource are stored (RFC 9111 §2)."""

from __future__ import annotations

import re

from afresh.rfc.address import Origin, target
from afresh.rfc.messages import Request
from afresh.rfc.search import NoVarySearch
from afresh.rfc.settings import Settings

REDIRECTING = frozenset(
    [
        b"forwarded",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-forwarded-proto",
        b"x-forwarded-scheme",
        b"x-forwarded-server",
        b"x-forwarded-ssl",
        b"x-host",
        b"x-original-host",
        b"x-original-url",
        b"x-rewrite-url",
        b"x-script-name",
    ]
)
"""Fields by which applications find out where they are. They change links and routes, and hardly an
application names them in `Vary`: they are a part of each key, so that nobody plants them in another's page.
"""

_FORWARDED = re.compile(rb'(?:^|[;,])[ \t]*((?:host|proto)=(?:"[^"]*"|[^;,]*))', re.IGNORECASE)


def primary_key(request: Request, settings: Settings, search: NoVarySearch | None = None) -> bytes:
    """The key: the resource, what the request says about where it is, and a QUERY's content.

    GET and HEAD share a key; so does a POST whose response a later GET may get (RFC 9110 §9.3.3).

    Args:
        request: The request.
        settings: What is normalised away.
        search: What responses of this path have said in `No-Vary-Search`.
    """
    key = target(request, settings, search)
    where = [b"%s: %s" % pair for pair in request.fields if pair[0] in REDIRECTING]
    if where:
        lines = sorted(filter(None, map(_place, where)))
        key = b"\n".join([key, *lines])
    if request.method == "QUERY":
        key = b"%s\nQUERY %s" % (key, _content_digest(request))
    return key


def _place(line: bytes) -> bytes:
    """A line as it enters the key: of `Forwarded`, host and scheme, not the addresses of clients."""
    name, _, value = line.partition(b": ")
    if name != b"forwarded":
        return line
    parts = [part.rstrip() for part in _FORWARDED.findall(value)]
    return b"forwarded: " + b";".join(parts) if parts else b""


def _content_digest(request: Request) -> bytes:
    """A QUERY's content and what says how to read it are a part of its key (RFC 10008)."""
    from hashlib import blake2b  # here, since it loads OpenSSL

    digest = blake2b(digest_size=20)
    for name in (b"content-type", b"content-encoding"):
        digest.update(b"%s\0" % (request.fields.combined(name) or b""))
    digest.update(request.content or b"")
    return digest.hexdigest().encode()


def group_key(origin: Origin, name: str) -> bytes:
    """The name of a cache group, which belongs to an origin (RFC 9875 §2.1)."""
    return b"%s %s" % (bytes(origin), name.encode())
