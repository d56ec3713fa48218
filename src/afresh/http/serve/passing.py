"""The fields of a message on its way through: what belongs to one connection stays behind."""

from __future__ import annotations

from collections.abc import Iterable

from afresh.http.asgi import Scope
from afresh.http.serve.extending import TRAILERS, takes_trailers

Pairs = list[tuple[bytes, bytes]]

_OF_THE_CONNECTION = frozenset(
    [b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade", b"expect"]
)
_NO_TRAILERS = frozenset(
    b"authorization cache-control content-encoding content-length content-range content-type cookie host "
    b"set-cookie trailer vary www-authenticate".split()
)
"""Fields that say how to take the content, who may have it, or where it goes: too late (RFC 9110 §6.5.1)."""
_MAY_BE_NAMED = _OF_THE_CONNECTION | frozenset(
    [b"close", b"http2-settings", b"proxy-authenticate", b"proxy-authorization", b"trailer"]
)
_NO_CONTENT = frozenset([204, 304])


def misnamed(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A field for everybody that `Connection` of a request would take away; empty if there is none.

    Whoever asks could have us take `Content-Length` away, and the content would be the next request of
    our connection; or what a page was kept for, and it would be another's.
    """
    lowered = [(name.lower(), value) for name, value in fields]
    named = _named(lowered) - _MAY_BE_NAMED
    return next((name for name, _ in lowered if name in named), b"")


def unmistakable(fields: Pairs) -> Pairs:
    """Without names with an underscore: whoever makes variables of fields takes it for a hyphen.

    `X_Forwarded_Host` stands in no key, and would be read as what does.
    """
    return [pair for pair in fields if b"_" not in pair[0]]


def answered(status: int, fields: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """The fields of an answer that go on: without the length of a content that doesn't come."""
    kept = end_to_end(fields)
    return [pair for pair in kept if pair[0] != b"content-length"] if status in _NO_CONTENT else kept


def forwarded(fields: Pairs, client: bytes, scheme: bytes) -> Pairs:
    """The fields, with who asked and how, for the next server."""
    before = [value for name, value in fields if name == b"x-forwarded-for"]
    kept = [pair for pair in fields if pair[0] not in {b"x-forwarded-for", b"x-forwarded-proto"}]
    addresses = b", ".join(before).rpartition(b",")
    if client and addresses[2].strip() != client:  # else who told us so is believed
        before.append(client)
    if before:
        kept.append((b"x-forwarded-for", b", ".join(before)))
    return [*kept, (b"x-forwarded-proto", scheme)]


def end_to_end(fields: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """Without what belongs to one connection (RFC 9110 §7.6.1)."""
    lowered = [(name.lower(), value) for name, value in fields]
    named = _named(lowered)
    return [pair for pair in lowered if pair[0] not in _OF_THE_CONNECTION and pair[0] not in named]


def _named(lowered: Pairs) -> set[bytes]:
    """What `Connection` lists."""
    lists = [value for name, value in lowered if name == b"connection"]
    return {token.strip().lower() for value in lists for token in value.split(b",")}


def wants_trailers(scope: Scope) -> bool:
    """Whether trailers of the answer will reach the client."""
    return TRAILERS in (scope.get("extensions") or {}) and takes_trailers(scope["headers"])


def as_trailers(fields: Pairs) -> Pairs:
    """Those that may come so late."""
    return [(name, value) for name, value in end_to_end(fields) if name not in _NO_TRAILERS]
