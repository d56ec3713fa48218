"""What a server can do, by its version.

A server that lacks a flag may refuse it or, worse, silently ignore it; so nobody tries.
"""

from __future__ import annotations

import re

_number = re.compile(r"(\d+)\.(\d+)\.(\d+)").match

META = "meta"
"""The meta commands as they are since 1.6."""
EXPLICIT_CAS = "explicit-cas"
"""`E`: the writer chooses the new CAS value."""
DELETE_VALUE = "delete-value"
"""`md x`: drops the value, keeps the item."""
GET_CAS = "get-cas"
"""`mg C`: a read that goes on only if the CAS value is this one."""

_SINCE: dict[str, tuple[int, int, int]] = {
    META: (1, 6, 0),
    EXPLICIT_CAS: (1, 6, 22),
    DELETE_VALUE: (1, 6, 22),
    GET_CAS: (1, 6, 32),
}


def features_of(version: str) -> frozenset[str]:
    """The names of what a version can; nothing at all where it is unknown."""
    found = _number(version)
    if found is None:
        return frozenset()
    number = tuple(int(part) for part in found.groups())
    return frozenset(name for name, since in _SINCE.items() if number >= since)
