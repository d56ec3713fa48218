"""What a 304 or a HEAD says about a stored response (RFC 9111 §3.2, §4.3.4, §4.3.5)."""

from __future__ import annotations

from dataclasses import replace

from afresh.rfc.control import control_of
from afresh.rfc.decisions import Freshened
from afresh.rfc.fields import Fields
from afresh.rfc.forwarding import end_to_end
from afresh.rfc.messages import Head, Request
from afresh.rfc.settings import DEFAULT, Settings
from afresh.rfc.stored import Stored
from afresh.rfc.storing import as_stored, hidden, storable
from afresh.rfc.vary import vary_names

NEVER_UPDATED = frozenset(
    [
        b"content-digest",
        b"content-encoding",
        b"content-length",
        b"content-md5",
        b"content-range",
        b"etag",
        b"repr-digest",
    ]
)
"""Fields that describe the content that is kept: a response without content can't change them (§3.2).

`ETag` is among them. We asked about one representation, so a 304 with another tag (some servers add
a suffix for compressed content to the one, not to the other) still speaks about that one. §4.3.4
would have the response not updated, and then it could never be validated.
"""


def validated(
    request: Request,
    stored: Stored,
    head: Head,
    *,
    requested_at: float,
    received_at: float,
    settings: Settings = DEFAULT,
) -> Freshened | None:
    """The stored response after the origin confirmed it with 304; `None` when it answered otherwise."""
    if head.status != 304:
        return None
    return _freshened(request, stored, head, requested_at, received_at, settings)


def headed(
    request: Request,
    stored: Stored,
    head: Head,
    *,
    requested_at: float,
    received_at: float,
    settings: Settings = DEFAULT,
) -> Freshened | None:
    """The stored response after the origin answered HEAD; `None`: it has changed and is stale (§4.3.5)."""
    if head.status != 200 or stored.head.status != 200:
        return None
    for name in (b"content-length", b"etag", b"last-modified"):
        if (new := head.fields.get(name)) is not None and new != stored.head.fields.get(name):
            return None
    return _freshened(request, stored, head, requested_at, received_at, settings)


def _freshened(
    request: Request,
    stored: Stored,
    head: Head,
    requested_at: float,
    received_at: float,
    settings: Settings,
) -> Freshened:
    if request.method == "HEAD":  # what is stored is what GET got
        request = replace(request, method="GET")
    merged = Head(stored.head.status, _merged(stored, head, settings))
    times = {"requested_at": requested_at, "received_at": received_at}
    judged = storable(request, merged, **times, settings=settings)
    if isinstance(judged, Stored):
        return Freshened(replace(judged, length=stored.length))
    names = vary_names(merged.fields, settings.most_variants)
    kept = as_stored(request, merged, names or (), **times, settings=settings)
    return Freshened(replace(kept, length=stored.length), judged)


def _merged(stored: Stored, head: Head, settings: Settings) -> Fields:
    """The stored fields, each replaced that the new head has (§3.2)."""
    new = end_to_end(
        head.fields, besides=NEVER_UPDATED | set(hidden(control_of(head.fields, settings), settings))
    )
    old = stored.head.fields
    if b"date" not in new:  # the old one would make it as old as the response that it came with
        old = old.without([b"date"])
    return old.replaced(new.pairs)
