"""What an unsafe method makes stale (RFC 9111 §4.4), and cache groups (RFC 9875)."""

from __future__ import annotations

from afresh.rfc.address import origin_of, related, target
from afresh.rfc.decisions import Invalidation
from afresh.rfc.fields import Fields
from afresh.rfc.keys import group_key
from afresh.rfc.messages import Head, Request
from afresh.rfc.requests import SAFE, overridden
from afresh.rfc.settings import DEFAULT, Settings
from afresh.rfc.structured import Token, parse_list

_MOST_GROUPS = 128  # of one response; RFC 9875 §2 asks for 32 at least
_LONGEST_GROUP = 256  # characters; §2 asks for 32 at least


def invalidates(request: Request, head: Head, settings: Settings = DEFAULT) -> Invalidation:
    """What became stale: nothing after a safe method or an error.

    The resource itself, and what `Location` and `Content-Location` name, if it has the same origin:
    nobody may empty another's cache (§4.4). And the groups that the response names (RFC 9875 §3).
    """
    safe = request.method in SAFE and not overridden(request)
    if safe or not 200 <= head.status < 400:
        return Invalidation()
    found = {target(request, settings): None}
    for name in (b"location", b"content-location"):
        for reference in head.fields.get_all(name):
            resource = related(request, reference, settings)
            if resource is not None:
                found[resource] = None
    return Invalidation(tuple(found), _groups(request, head.fields, b"cache-group-invalidation"))


def groups(request: Request, fields: Fields) -> tuple[bytes, ...]:
    """The groups that a response belongs to (RFC 9875 §2), each named with its origin."""
    return _groups(request, fields, b"cache-groups")


def _groups(request: Request, fields: Fields, field: bytes) -> tuple[bytes, ...]:
    lines = fields.get_all(field)
    members = parse_list(lines) if lines else None
    if not members:
        return ()
    origin = origin_of(request)
    names = [
        member
        for member in members
        if isinstance(member, str) and not isinstance(member, Token) and len(member) <= _LONGEST_GROUP
    ]
    return tuple(group_key(origin, name) for name in dict.fromkeys(names[:_MOST_GROUPS]))
