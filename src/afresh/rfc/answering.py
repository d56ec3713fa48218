"""How a request is answered: from the cache, after a validation, or by the origin (RFC 9111 §4)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from afresh.rfc.conditions import conditions_for
from afresh.rfc.credentials import closed_to
from afresh.rfc.dates import format_date
from afresh.rfc.decisions import Forward, Refuse, Serve, Validate, Why
from afresh.rfc.directives import Directives
from afresh.rfc.fields import Fields
from afresh.rfc.forwarding import ORIGINS_CONDITIONS, unconditional
from afresh.rfc.freshness import date_of
from afresh.rfc.messages import Head, Request
from afresh.rfc.requests import OVERRIDES, asked, fat
from afresh.rfc.serving import serve
from afresh.rfc.settings import DEFAULT, Settings
from afresh.rfc.stored import Stored
from afresh.rfc.vary import selects

SPECIAL = (
    frozenset(
        [b"authorization", b"cache-control", b"content-length", b"cookie", b"pragma", b"transfer-encoding"]
    )
    | ORIGINS_CONDITIONS
    | OVERRIDES
)
"""A request without any of these gets a fresh response without further thought."""

_NOTHING = Directives()

FAILURES = frozenset([500, 502, 503, 504])
"""The statuses that count as a failure of the origin (RFC 5861 §4)."""


def answer(
    request: Request, variants: Sequence[Stored], *, now: float, settings: Settings = DEFAULT
) -> Serve | Validate | Forward | Refuse:
    """Decide how a request is answered.

    Args:
        request: The request.
        variants: What is stored under its `primary_key`, all of it `finished`.
        now: Seconds since 1970.
        settings: What the RFCs leave open.
    """
    if request.method not in {"GET", "HEAD", "QUERY"}:
        return Forward(Why.METHOD, request.method[:20], request.fields)
    special = [name for name, _ in request.fields.pairs if name in SPECIAL]
    asks = asked(request.fields) if b"cache-control" in special or b"pragma" in special else _NOTHING
    if (special or request.method == "QUERY") and (reason := _passes(request, special, asks)):
        return Forward(Why.BYPASS, reason, request.fields, store=False)
    if not settings.obey_requests:
        asks = _NOTHING
    stored = newest(request, variants)
    if stored is None:
        miss = Forward(Why.VARY_MISS if variants else Why.URI_MISS, "", request.fields)
        return _only_if_cached(asks, now) or miss
    if special and (reason := closed_to(stored, request, settings)):
        return _only_if_cached(asks, now) or Forward(Why.BYPASS, reason, request.fields)
    why, refresh = _use(stored, asks, now)
    if refresh and request.method == "QUERY":  # its content would have to be sent once more
        why = Why.STALE
    if why is None:
        return serve(request, stored, now=now, refresh=refresh)
    return _only_if_cached(asks, now) or _ask(request, stored, why)


def newest(request: Request, variants: Sequence[Stored]) -> Stored | None:
    """Of the stored responses that belong to the request, the one with the latest `Date` (§4.1)."""
    found = [each for each in variants if not each.vary or selects(each, request)]
    if len(found) < 2:
        return found[0] if found else None
    return max(found, key=lambda each: (date_of(each.head, each.received_at), each.received_at))


def failing(
    request: Request, stored: Stored, *, now: float, settings: Settings = DEFAULT, status: int | None = None
) -> Serve | None:
    """What may be served when the origin failed (RFC 5861 §4, RFC 9111 §4.2.4); `None`: pass the failure on.

    Args:
        request: The request.
        stored: What `Validate` or `Forward` named.
        now: Seconds since 1970.
        settings: What the RFCs leave open.
        status: What the origin answered; `None` when it did not.
    """
    if stored.validate or (status is not None and status not in FAILURES):
        return None  # what is no-cache is not served unasked, however fresh (RFC 9111 §5.2.2.4)
    if now < stored.error_until:
        return serve(request, stored, now=now)
    asks = asked(request.fields) if settings.obey_requests else _NOTHING
    wished = asks.seconds(b"stale-if-error")
    if wished is None or stored.must_revalidate or now >= stored.fresh_until + wished:
        return None
    return serve(request, stored, now=now)


def _passes(request: Request, special: list[bytes], asks: Directives) -> str:
    """Why no cache answers this request, or an empty string."""
    if not ORIGINS_CONDITIONS.isdisjoint(special):
        return "a condition that is the origin's to answer"  # RFC 9111 §4.3.2
    if not OVERRIDES.isdisjoint(special):
        return "the request names another method"
    if request.method == "QUERY":
        if request.content is None:
            return "QUERY whose content was not read"
    elif fat(request):
        return f"{request.method} with content"
    return "the request's no-store" if b"no-store" in asks else ""  # RFC 9111 §5.2.1.5


def _use(stored: Stored, asks: Directives, now: float) -> tuple[Why | None, bool]:
    """Why the response may not be used without asking, or `None`; and whether to refresh it afterwards."""
    age = stored.age(now)
    left = stored.lifetime - age
    if stored.validate:  # RFC 9111 §5.2.2.4
        return Why.STALE, False
    if asks:
        if b"no-cache" in asks:  # §5.2.1.4
            return Why.REQUEST, False
        oldest, margin = asks.seconds(b"max-age"), asks.seconds(b"min-fresh")
        # RFC 8246 §2: a reload (max-age=0) of what doesn't change while it is fresh
        reload = oldest == 0 and stored.immutable and left > 0
        if oldest is not None and (oldest == 0 or age > oldest) and not reload:  # §5.2.1.1
            return Why.REQUEST, False
        if margin is not None and left < margin:  # §5.2.1.3
            return Why.REQUEST, False
    if left > 0:  # §4.2
        return None, False
    if now < stored.stale_until:  # RFC 5861 §3
        return None, True
    if stored.must_revalidate:  # §4.2.4, §5.2.2.2
        return Why.STALE, False
    stale = asks.seconds(b"max-stale", plain=math.inf)  # §5.2.1.2
    return (None, False) if stale is not None and -left <= stale else (Why.STALE, False)


def _ask(request: Request, stored: Stored, why: Why) -> Validate | Forward:
    conditions = conditions_for(stored)
    if not conditions:
        return Forward(why, "no validator", request.fields, stored)
    fields = unconditional(request.fields)
    return Validate(stored, Fields(fields.pairs + conditions), why)


def _only_if_cached(asks: Directives, now: float) -> Refuse | None:
    """504 for `only-if-cached` (§5.2.1.7)."""
    if b"only-if-cached" not in asks:
        return None
    fields = Fields(((b"date", format_date(int(now))), (b"content-length", b"0")))
    return Refuse(Head(504, fields))
