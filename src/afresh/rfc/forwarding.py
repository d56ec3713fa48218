"""What a message loses on its way through an intermediary (RFC 9110 §7.6), and what is never stored."""

from __future__ import annotations

from collections.abc import Iterable

from afresh.rfc.fields import Fields

HOP_BY_HOP = frozenset(
    [
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    ]
)
"""Fields of one connection: RFC 9110 §7.6.1, and those that RFC 9111 §3.1 excepts from storing.

`Trailer` is among them since trailers aren't stored: they came after content that is kept without
them, and may not be merged into the header section (RFC 9110 §6.5.1, RFC 9111 §3.1).
"""

CONDITIONS = frozenset([b"if-modified-since", b"if-none-match"])
"""Conditions that a cache answers (RFC 9111 §4.3.2)."""

ORIGINS_CONDITIONS = frozenset([b"if-match", b"if-unmodified-since"])
"""Conditions that are the origin's to answer (RFC 9111 §4.3.2)."""

_PARTIAL = CONDITIONS | {b"if-range", b"range"}

# Without these a message can't be read or said where it belongs: no `Connection` line takes them away.
_NEVER_HOP_BY_HOP = frozenset(
    [b"cache-control", b"content-length", b"content-type", b"host", b"set-cookie", b"vary"]
)


def end_to_end(fields: Fields, *, besides: Iterable[bytes] = ()) -> Fields:
    """The fields without those of the connection and those that `Connection` lists (RFC 9110 §7.6.1).

    Args:
        fields: The fields of a request or of a response.
        besides: Names of more that are to go.
    """
    listed = {name.lower() for name in fields.members(b"connection")} - _NEVER_HOP_BY_HOP
    return fields.without(HOP_BY_HOP | listed | set(besides))


def unconditional(fields: Fields) -> Fields:
    """A request's fields without conditions and ranges: the answer will be the whole representation.

    Whoever loads for several clients, or to store, asks so, and answers each with `serve`.
    """
    return fields.without(_PARTIAL)


def is_interim(status: int) -> bool:
    """A 1xx response: pass it on as it comes, and store nothing of it (RFC 9110 §15.2, RFC 9111 §3)."""
    return 100 <= status < 200


def via(fields: Fields, version: str, name: str) -> Fields:
    """The fields with a gateway's entry at the end of `Via` (RFC 9110 §7.6.3)."""
    entry = f"{version} {name}".encode("latin-1", "replace")
    return fields.replaced([(b"via", b", ".join([*fields.get_all(b"via"), entry]))])
