"""A request, and the head of a response, as the rules see them."""

from __future__ import annotations

from dataclasses import dataclass, field

from afresh.rfc.fields import Fields


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came, before anything was normalised.

    Attributes:
        method: As it came: methods are case-sensitive (RFC 9110 §9.1).
        scheme: `http` or `https`.
        authority: The value of `Host` (or `:authority`), as it came.
        path: The path in its raw form, percent-encoded. Never empty: `/`.
        query: The query in its raw form, without the question mark.
        fields: The fields.
        content: The request's content, where it was read whole; `None` where it was not. Only QUERY
            needs it, since it is a part of its key (RFC 10008).
    """

    method: str
    scheme: str
    authority: bytes
    path: bytes
    query: bytes = b""
    fields: Fields = field(default_factory=Fields)
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The status and the fields of a final response: all of it but its content."""

    status: int
    fields: Fields = field(default_factory=Fields)
