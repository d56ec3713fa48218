"""Whether a response may be stored, and as what (RFC 9111 §3)."""

from __future__ import annotations

from dataclasses import replace

from afresh.rfc.address import related, target
from afresh.rfc.control import Control, control_of
from afresh.rfc.credentials import refused_for_credentials
from afresh.rfc.dates import format_date
from afresh.rfc.decisions import Refusal
from afresh.rfc.fields import Fields
from afresh.rfc.forwarding import ORIGINS_CONDITIONS, end_to_end
from afresh.rfc.freshness import HEURISTIC, explicit_lifetime, initial_age, lifetime
from afresh.rfc.messages import Head, Request
from afresh.rfc.requests import asked, fat, overridden
from afresh.rfc.settings import Settings
from afresh.rfc.stored import Stored
from afresh.rfc.vary import vary_key, vary_names

UNDERSTOOD = HEURISTIC | frozenset(
    [*range(201, 204), 302, 303, 307, 400, *range(402, 407), 409, 422, 423, 424]
)
"""The final statuses whose caching rules are known here (RFC 9111 §5.2.2.3), and are followed."""

OF_THE_REQUEST = frozenset(
    [206, 304, 401, 407, 408, 411, 412, 413, 415, 416, 417, 421, 425, 426, 428, 429, 431]
)
"""Statuses that speak about one client's request: its conditions, ranges, credentials, size or rate.

Another client's request for the same resource would not have got them.
"""


def storable(
    request: Request, head: Head, *, requested_at: float, received_at: float, settings: Settings
) -> Stored | Refusal:
    """What to store of a response, or why nothing may be stored.

    Args:
        request: The request that it answers.
        head: Its head.
        requested_at: When the request was sent on, in seconds since 1970.
        received_at: When the head arrived.
        settings: What the RFC leaves open.

    Returns:
        The response as it is stored: call `finished` when the content has ended. Or a refusal.
    """
    control = control_of(head.fields, settings)
    refusal = (
        _refused_for_request(request, head, control, received_at, settings)
        or _refused_by_status(head, control)
        or _refused_by_directives(head, control, settings)
        or refused_for_credentials(request, head, control, settings)
        or _refused_without_use(head, control, received_at, settings)
    )
    if refusal:
        return refusal
    names = vary_names(head.fields, settings.most_variants)
    if names is None:
        return Refusal("Vary: *, or one that can't be read", "RFC 9111 §4.1")
    return as_stored(
        request, head, names, requested_at=requested_at, received_at=received_at, settings=settings
    )


def finished(stored: Stored, length: int) -> Stored | Refusal:
    """The stored response once its content has come to its end.

    Args:
        stored: What `storable` answered.
        length: How many bytes of content came.
    """
    if stored.head.status in {204, 205}:
        return replace(stored, length=length)
    declared = stored.head.fields.get_all(b"content-length")
    if any(each != b"%d" % length for each in declared):
        return Refusal("the content is shorter or longer than Content-Length", "RFC 9111 §3.3")
    fields = stored.head.fields.replaced([(b"content-length", b"%d" % length)])
    return replace(stored, length=length, head=replace(stored.head, fields=fields))


def _refused_for_request(
    request: Request, head: Head, control: Control, received_at: float, settings: Settings
) -> Refusal | None:
    """§3: the method is understood; §5.2.1.5: the request allows it; and nothing unkeyed changed it."""
    if request.method == "POST":
        if not _answers_later_get(request, head, control, received_at, settings):
            return Refusal("POST", "RFC 9110 §9.3.3", request=True)
    elif request.method == "QUERY":
        if request.content is None:
            return Refusal("QUERY whose content was not read", "RFC 10008", request=True)
    elif request.method != "GET":
        return Refusal(f"the method {request.method[:20]}", "RFC 9111 §3", request=True)
    elif fat(request):
        return Refusal("GET with content", "RFC 9110 §9.3.1", request=True)
    if overridden(request):
        return Refusal("the request names another method", "RFC 9110 §9.1", request=True)
    if not ORIGINS_CONDITIONS.isdisjoint(request.fields.names()):
        return Refusal("a condition that is the origin's to answer", "RFC 9111 §4.3.2", request=True)
    if b"no-store" in asked(request.fields):
        return Refusal("the request's no-store", "RFC 9111 §5.2.1.5", request=True)
    return None


def _answers_later_get(
    request: Request, head: Head, control: Control, received_at: float, settings: Settings
) -> bool:
    """A POST with explicit freshness that says its content is that of the same URI (RFC 9110 §9.3.3)."""
    location = head.fields.get(b"content-location")
    return (
        location is not None
        and related(request, location, settings) == target(request, settings)
        and 200 <= head.status < 300
        and explicit_lifetime(head, control, received_at=received_at, settings=settings) is not None
    )


def _refused_by_status(head: Head, control: Control) -> Refusal | None:
    """§3: the status is final; one that belongs to a single request is not shared."""
    if not 200 <= head.status <= 599:
        return Refusal(f"the status {head.status}", "RFC 9111 §3")
    if head.status in OF_THE_REQUEST:
        return Refusal(f"the status {head.status}", "RFC 9111 §3", request=True)
    if b"must-understand" in control.directives and head.status not in UNDERSTOOD:
        return Refusal(f"must-understand, and the status {head.status}", "RFC 9111 §5.2.2.3")
    return None


def _refused_by_directives(head: Head, control: Control, settings: Settings) -> Refusal | None:
    directives = control.directives
    # §5.2.2.3: whoever understands the status ignores the no-store that stands beside must-understand.
    if b"no-store" in directives and b"must-understand" not in directives:
        return Refusal("no-store", "RFC 9111 §5.2.2.5")
    if settings.shared and directives.without_argument(b"private"):
        return Refusal("private", "RFC 9111 §5.2.2.7")
    cookie = b"set-cookie" in head.fields and b"set-cookie" not in hidden(control, settings)
    if cookie and settings.shared and not settings.set_cookie:
        return Refusal("Set-Cookie", "RFC 9111 §7.3")
    return None


def _refused_without_use(
    head: Head, control: Control, received_at: float, settings: Settings
) -> Refusal | None:
    """§3: something allows to store it; and it could be served once, or validated."""
    explicit = explicit_lifetime(head, control, received_at=received_at, settings=settings)
    allowed = head.status in HEURISTIC or control.directives.any_of(b"public", b"private")
    if explicit is None and not allowed:
        return Refusal(f"the status {head.status} without explicit freshness", "RFC 9111 §3")
    if lifetime(head, control, received_at=received_at, settings=settings) > 0:
        return None
    if b"etag" in head.fields or b"last-modified" in head.fields:
        return None
    if max(_stale_windows(control, settings, 0.0)) > 0:
        return None
    return Refusal("neither freshness nor a validator", "RFC 9111 §4.2.2")


def as_stored(
    request: Request,
    head: Head,
    names: tuple[bytes, ...],
    *,
    requested_at: float,
    received_at: float,
    settings: Settings,
) -> Stored:
    """All that decisions need to know of a response, whether or not it may be stored."""
    control = control_of(head.fields, settings)
    directives = control.directives
    fresh_for = lifetime(head, control, received_at=received_at, settings=settings)
    revalidating, failing = _stale_windows(control, settings, fresh_for)
    shared = settings.shared
    return Stored(
        head=Head(head.status, _kept(head, control, received_at, settings)),
        vary=names,
        selected=vary_key(names, request),
        received_at=received_at,
        initial_age=initial_age(head, requested_at=requested_at, received_at=received_at, settings=settings),
        lifetime=fresh_for,
        stale_while_revalidate=revalidating,
        stale_if_error=failing,
        validate=directives.without_argument(b"no-cache"),
        must_revalidate=b"must-revalidate" in directives
        or (shared and (b"proxy-revalidate" in directives or b"s-maxage" in directives)),
        immutable=b"immutable" in directives,
        open=b"public" in directives or b"s-maxage" in directives or control.targeted,
    )


def _kept(head: Head, control: Control, received_at: float, settings: Settings) -> Fields:
    """The fields to store: §3.1. `Date` is added where it is missing (RFC 9110 §6.6.1)."""
    fields = end_to_end(head.fields, besides=(*hidden(control, settings), b"age"))
    if b"date" not in fields:
        fields = fields.replaced([(b"date", format_date(int(received_at)))])
    return fields


def hidden(control: Control, settings: Settings) -> tuple[bytes, ...]:
    """Fields that may not be served again without validation, or not to others (§5.2.2.4, §5.2.2.7)."""
    listed = control.directives.listed(b"no-cache")
    return listed + control.directives.listed(b"private") if settings.shared else listed


def _stale_windows(control: Control, settings: Settings, fresh_for: float) -> tuple[float, float]:
    """`stale-while-revalidate` and `stale-if-error` in seconds (RFC 5861 §3, §4).

    What is never fresh is never stale by a setting either: only if it says so itself. Nor is what has
    `s-maxage`, which forbids it (§5.2.2.10); but an origin that writes both, as many do, means both.
    """
    directives = control.directives
    strict = b"proxy-revalidate" in directives and settings.shared
    if strict or b"must-revalidate" in directives or directives.without_argument(b"no-cache"):
        return 0.0, 0.0  # §5.2.2.2, §5.2.2.8, §5.2.2.4
    defaults = settings.stale_while_revalidate, settings.stale_if_error
    if fresh_for <= 0 or (settings.shared and b"s-maxage" in directives):
        defaults = 0.0, 0.0
    revalidating = directives.seconds(b"stale-while-revalidate")
    failing = directives.seconds(b"stale-if-error")
    return (
        defaults[0] if revalidating is None else revalidating,
        defaults[1] if failing is None else failing,
    )
