"""What the rules decide: small values that adapters carry out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from afresh.rfc.fields import Fields
from afresh.rfc.messages import Head
from afresh.rfc.stored import Stored


class Why(Enum):
    """Why a request is forwarded: the values of `fwd` (RFC 9211 §2.2)."""

    BYPASS = "bypass"
    METHOD = "method"
    URI_MISS = "uri-miss"
    VARY_MISS = "vary-miss"
    MISS = "miss"
    REQUEST = "request"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a response is not stored.

    Attributes:
        reason: A few plain words.
        section: The rule: `RFC 9111 §3`.
        request: It was for the request's sake: nothing is said about other requests for the same
            URL. Else the response is the reason, and worth remembering (hit-for-miss).
    """

    reason: str
    section: str
    request: bool = False


@dataclass(frozen=True, slots=True)
class Serve:
    """Answer from the cache.

    Attributes:
        stored: What is served.
        head: What to send, whole: `Age`, `Content-Length`, `Content-Range` … are in it; add
            `Cache-Status` yourself. Its status is 200, 206, 304 or 416, or that of a stored error.
        start: Send the kept content from here,
        stop: to here. Both are 0 for 304, 416 and HEAD.
        refresh: It is stale: send it, then refresh it (RFC 5861 §3).
        stale: It is no longer fresh.
    """

    stored: Stored
    head: Head
    start: int
    stop: int
    refresh: bool = False
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Validate:
    """Ask the origin whether a stored response is still right (RFC 9111 §4.3.1).

    Attributes:
        stored: The response in question.
        fields: The request's fields to send on, with our conditions in them. The client's own
            conditions and `Range` are gone: `serve` answers them afterwards.
        why: For `Cache-Status`.
    """

    stored: Stored
    fields: Fields
    why: Why


@dataclass(frozen=True, slots=True)
class Forward:
    """Nothing stored can answer: ask the origin.

    Attributes:
        why: For `Cache-Status`.
        detail: A few plain words.
        fields: The request's fields to send on, with the client's conditions and `Range`. Whoever
            loads for several clients takes `unconditional(fields)`.
        stored: A stale response without a validator, for `failing`.
        store: `storable` may be asked about the response.
    """

    why: Why
    detail: str
    fields: Fields
    stored: Stored | None = None
    store: bool = True


@dataclass(frozen=True, slots=True)
class Refuse:
    """`only-if-cached`, and it isn't: send this, without content (RFC 9111 §5.2.1.7)."""

    head: Head


@dataclass(frozen=True, slots=True)
class Freshened:
    """A 304, or a HEAD, confirmed a stored response (RFC 9111 §4.3.4).

    Attributes:
        stored: The response with its new fields; the kept content is still its content.
        refusal: Why it may not be kept any longer, after it answered this request. If that is for
            the request's sake, only `stored` isn't to be kept: what was stored before stays.
    """

    stored: Stored
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Invalidation:
    """What a request to an unsafe method made stale (RFC 9111 §4.4, RFC 9875 §3).

    Attributes:
        targets: Resources, as `target` names them: everything stored for them.
        groups: Groups, as `groups` names them: everything stored that is in one of them.
    """

    targets: tuple[bytes, ...] = ()
    groups: tuple[bytes, ...] = ()
