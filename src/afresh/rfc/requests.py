"""What a request asks of caches, and what about it makes an answer its own."""

from __future__ import annotations

from afresh.rfc.directives import Argument, Directives, parse_directives
from afresh.rfc.fields import Fields
from afresh.rfc.messages import Request

OVERRIDES = frozenset([b"x-http-method", b"x-http-method-override", b"x-method-override"])
"""Fields by which some frameworks run another method than the one that the cache sees."""

SAFE = frozenset(["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "REPORT", "SEARCH"])
"""The safe methods (RFC 9110 §9.2.1, and the registry). Whatever else is unsafe."""


def asked(fields: Fields) -> Directives:
    """The request's directives (RFC 9111 §5.2.1); `Pragma: no-cache` counts where there are none (§5.4)."""
    lines = fields.get_all(b"cache-control")
    if lines:
        return parse_directives(lines)
    if any(member.lower() == b"no-cache" for member in fields.members(b"pragma")):
        return Directives([(b"no-cache", Argument(None))])
    return Directives()


def fat(request: Request) -> bool:
    """It has content although its method gives it no meaning, but an application may read it."""
    length = request.fields.get(b"content-length")
    return (length is not None and length.strip(b"0") != b"") or b"transfer-encoding" in request.fields


def overridden(request: Request) -> bool:
    """It asks the application to take it for another method."""
    return any(name in OVERRIDES for name, _ in request.fields)
