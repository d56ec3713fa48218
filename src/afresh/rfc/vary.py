"""Which of the responses stored for a URL belongs to a request: `Vary` (RFC 9111 §4.1)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from afresh.rfc.directives import split_list
from afresh.rfc.fields import Fields
from afresh.rfc.messages import Request
from afresh.rfc.stored import Stored

_NAME = re.compile(rb"[!#$%&'+\-.^_`|~0-9A-Za-z]+")
_QUALITY = re.compile(rb"[ \t]*;[ \t]*q=([01](?:\.\d{0,3})?)[ \t]*", re.IGNORECASE)

TEXTS = frozenset(
    [b"authorization", b"cookie", b"host", b"origin", b"proxy-authorization", b"referer", b"user-agent"]
)
"""Fields that are no lists: a space beside a comma is a part of their value, and two lines are not one."""

_SECRET = frozenset([b"authorization", b"cookie", b"proxy-authorization"])
"""Fields by which somebody can pass for somebody else: only a digest of them is kept."""


def vary_names(fields: Fields, most: int) -> tuple[bytes, ...] | None:
    """The names that `Vary` lists, sorted; `None` for `*`, for what is no name, and for too many."""
    names: set[bytes] = set()
    for name in fields.members(b"vary"):
        if not _NAME.fullmatch(name):
            return None
        names.add(name.lower())
    return tuple(sorted(names)) if len(names) <= most else None


def vary_key(names: Iterable[bytes], request: Request) -> tuple[bytes | None, ...]:
    """The request's values of these fields, normalised; `None` where it has none.

    Two values are made equal only where the field's definition says that they mean the same.
    """
    return tuple([_normalised(name, request.fields) for name in names])


def selects(stored: Stored, request: Request) -> bool:
    """The stored response belongs to this request."""
    return not stored.vary or vary_key(stored.vary, request) == stored.selected


def _normalised(name: bytes, fields: Fields) -> bytes | None:
    lines = fields.get_all(name)
    if not lines:
        return None
    if name in TEXTS:
        value = b"\n".join(lines)
        return _digest(value) if name in _SECRET else value
    value = b", ".join(lines)
    return _remembered(name, value) if len(value) <= _SHORT else _normalised_value(name, value)


def _digest(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=16).hexdigest().encode()


def _normalised_value(name: bytes, value: bytes) -> bytes:
    return _NORMALISERS.get(name, _plain_list)(value)


# Visitors share a few values, and to read one costs more than all the rest of a hit's decision. Long
# ones are somebody's wish to fill the memory.
_SHORT = 200
_remembered = lru_cache(maxsize=4096)(_normalised_value)


def _plain_list(value: bytes) -> bytes:
    """A list without the white space around its commas (RFC 9110 §5.6.1)."""
    return b",".join(member for member in split_list(value) if member)


def _encodings(value: bytes) -> bytes:
    """`Accept-Encoding`: the order means nothing, nor does the case (RFC 9110 §12.5.3)."""
    return b",".join(sorted(_weighted(member.lower()) for member in split_list(value) if member))


def _languages(value: bytes) -> bytes:
    """`Accept-Language`: the case means nothing (RFC 9110 §12.5.4), nor the order of different weights.

    The order of equal weights is kept: frameworks take it for preference, as that section says.
    """
    members = [_weighted(member.lower()) for member in split_list(value) if member]
    members.sort(key=_rank)
    return b",".join(members)


def _weighted(member: bytes) -> bytes:
    """A member with its weight in one spelling (§12.4.2): none at all for 1."""
    name, semicolon, _ = member.partition(b";")
    if not semicolon:
        return member
    found = _QUALITY.fullmatch(member, len(name))
    if not found:
        return member
    thousandths = _thousandths(found.group(1))
    return name.rstrip() if thousandths >= 1000 else b"%s;q=%d" % (name.rstrip(), thousandths)


def _thousandths(weight: bytes) -> int:
    whole, _, fraction = weight.partition(b".")
    return int(whole) * 1000 + int(fraction.ljust(3, b"0"))


def _rank(member: bytes) -> int:
    _, _, weight = member.partition(b";q=")
    return -int(weight) if weight.isdigit() else -1000


_NORMALISERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"accept-encoding": _encodings,
    b"accept-language": _languages,
}
