"""What a server can do, by its version.

A server that lacks a flag may refuse it or, worse, silently ignore it; so nobody tries.
"""

from __future__ import annotations

import re

_number = re.compile(r"(\d+)\.(\d+)\.(\d+)").match

META = "meta"
"""The meta commands as they are spoken here: base64 keys, `HD` for success."""
EXPLICIT_CAS = "explicit-cas"
"""`E`: the writer chooses the new CAS value."""
DELETE_VALUE = "delete-value"
"""`md x`: drops the value, keeps the item."""
GET_CAS = "get-cas"
"""`mg C`: a read that goes on only if the CAS value is this one."""

OLDEST = (1, 6, 10)
# 1.6.18 refuses or ignores the last three. Where exactly they came is not known here, so the version is
# one that is documented to have them: an older one that has them too is asked for less than it could.
_SINCE: dict[str, tuple[int, int, int]] = {
    META: OLDEST,
    EXPLICIT_CAS: (1, 6, 44),
    DELETE_VALUE: (1, 6, 44),
    GET_CAS: (1, 6, 44),
}


def features_of(version: str) -> frozenset[str]:
    """The names of what a version can; nothing at all where it is unknown."""
    found = _number(version)
    if found is None:
        return frozenset()
    number = tuple(int(part) for part in found.groups())
    return frozenset(name for name, since in _SINCE.items() if number >= since)


def too_old(version: str) -> bool:
    """Whether a version is known, and speaks no meta commands, or others."""
    return _number(version) is not None and META not in features_of(version)
