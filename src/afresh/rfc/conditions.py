"""Conditional requests that a cache answers (RFC 9110 §13, RFC 9111 §4.3.2), and those that it makes."""

from __future__ import annotations

import re

from afresh.rfc.dates import parse_date
from afresh.rfc.fields import Fields, Pair
from afresh.rfc.freshness import date_of
from afresh.rfc.stored import Stored

_TAG = re.compile(rb'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_TAGS = re.compile(rb'[ \t]*(?:((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*)?(?:,|\Z)')

_STRONG_AFTER = 1.0
"""A `Last-Modified` that is so many seconds older than `Date` is a strong validator (RFC 9110 §8.8.2.2)."""


def not_modified(stored: Stored, fields: Fields) -> bool:
    """The client has the stored response already: 304 (RFC 9110 §13.2.2, steps 3 and 4)."""
    if not 200 <= stored.head.status < 300:
        return False  # §13.2.1: conditions are for what would be successful
    lines = fields.get_all(b"if-none-match")
    if lines:
        return _matches(stored, b", ".join(lines))
    since = fields.combined(b"if-modified-since")
    return since is not None and not _modified_since(stored, since)


def _matches(stored: Stored, wanted: bytes) -> bool:
    """`If-None-Match` (§13.1.2): a weak comparison with each of the list; `*` matches anything."""
    if wanted.strip(b" \t") == b"*":
        return True
    tag = etag_of(stored)
    if tag is None:
        return False
    own = tag.removeprefix(b"W/")
    at = 0
    while at < len(wanted):
        found = _TAGS.match(wanted, at)
        if not found:
            return False  # what follows is no entity tag
        if found.group(1) and found.group(1).removeprefix(b"W/") == own:
            return True
        at = found.end()
    return False


def _modified_since(stored: Stored, since: bytes) -> bool:
    """`If-Modified-Since` (§13.1.3); without `Last-Modified` by `Date` (RFC 9111 §4.3.2)."""
    asked = parse_date(since, now=stored.received_at)
    if asked is None:
        return True
    value = stored.head.fields.get(b"last-modified")
    modified = None if value is None else parse_date(value, now=stored.received_at)
    return (date_of(stored.head, stored.received_at) if modified is None else modified) > asked


def range_applies(stored: Stored, fields: Fields) -> bool:
    """`If-Range` allows the range: a strong comparison (RFC 9110 §13.1.5)."""
    wanted = fields.combined(b"if-range")
    if wanted is None:
        return True
    if _TAG.fullmatch(wanted):
        return wanted == etag_of(stored) and not wanted.startswith(b"W/")
    modified = stored.head.fields.get(b"last-modified")
    if modified is None or wanted != modified:
        return False
    at = parse_date(modified, now=stored.received_at)
    return at is not None and date_of(stored.head, stored.received_at) - at >= _STRONG_AFTER


def etag_of(stored: Stored) -> bytes | None:
    """The stored response's entity tag, or `None` when it has none or a malformed one."""
    lines = stored.head.fields.get_all(b"etag")
    return lines[0] if len(lines) == 1 and _TAG.fullmatch(lines[0]) else None


def conditions_for(stored: Stored) -> tuple[Pair, ...]:
    """The conditions by which a stored response is validated (RFC 9111 §4.3.1); empty without any."""
    found: list[Pair] = []
    tag, modified = etag_of(stored), stored.head.fields.get(b"last-modified")
    if tag is None:  # malformed, but the origin's own: it knows what it means by it
        tag = stored.head.fields.get(b"etag")
    if tag:
        found.append((b"if-none-match", tag))
    if modified:
        found.append((b"if-modified-since", modified))
    return tuple(found)
