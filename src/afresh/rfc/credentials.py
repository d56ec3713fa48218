"""Requests that say who sends them: `Authorization` and `Cookie` (RFC 9111 §3.5, §7.3)."""

from __future__ import annotations

from afresh.rfc.control import Control
from afresh.rfc.decisions import Refusal
from afresh.rfc.messages import Head, Request
from afresh.rfc.settings import Settings
from afresh.rfc.stored import Stored


def refused_for_credentials(
    request: Request, head: Head, control: Control, settings: Settings
) -> Refusal | None:
    """Whether a shared cache must not store what one visitor got.

    The RFC's rule for `Authorization` is extended to `Cookie`, which has replaced it.
    """
    if not settings.shared:
        return None
    directives = control.directives
    says_so = b"public" in directives or b"s-maxage" in directives
    allowed = settings.authorization or says_so or b"must-revalidate" in directives
    if not allowed and b"authorization" in request.fields:
        return Refusal("the request has Authorization", "RFC 9111 §3.5", request=True)
    varies = any(name.lower() == b"cookie" for name in head.fields.members(b"vary"))
    allowed = settings.cookies or says_so or control.targeted or varies
    if not allowed and b"cookie" in request.fields:
        return Refusal("the request has Cookie", "RFC 9111 §7.3", request=True)
    return None


def closed_to(stored: Stored, request: Request, settings: Settings) -> str:
    """Why what another visitor got may not be right for this one, or an empty string.

    RFC 9111 would serve it. Applications forget `Vary`; what an anonymous visitor got is then shown
    to one who is signed in.
    """
    if stored.open or not settings.shared:
        return ""
    if not settings.authorization and b"authorization" in request.fields:
        return "" if b"authorization" in stored.vary else "the request has Authorization"
    if not settings.cookies and b"cookie" in request.fields:
        return "" if b"cookie" in stored.vary else "the request has Cookie"
    return ""
