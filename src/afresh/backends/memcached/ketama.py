"""Which of many servers holds a key: ketama, as libmemcached places keys.

Each server stands at 160 points of a circle of 2³² places; a key belongs to the server whose point
comes next. One server more or less moves only the keys of its own arcs. Clients that agree on the
names of the servers agree on the place of every key: so the details (MD5, four points from a digest,
the default port left out of the name, `float` arithmetic of weights) are libmemcached's.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Sequence
from hashlib import md5

from afresh.backends.endpoint import Endpoint
from afresh.backends.memcached.address import PORT

_HASHES = 40  # per server of average weight; four points come of each
_FOUR = struct.Struct("<4I")
_FLOAT = struct.Struct("f")


class Ring:
    """The circle."""

    __slots__ = ("_owners", "_points")

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        total = sum(each.weight for each in endpoints)
        circle = sorted(
            (point, index)
            for index, each in enumerate(endpoints)
            for point in _points(_name(each), _hashes(each.weight, total, len(endpoints)))
        )
        self._points = [point for point, _ in circle]
        self._owners = [owner for _, owner in circle]

    def owner(self, key: bytes) -> int:
        """Index of the server that a key belongs to."""
        place = _FOUR.unpack(md5(key, usedforsecurity=False).digest())[0]
        index = bisect_left(self._points, place)
        return self._owners[index if index < len(self._owners) else 0]


def _name(endpoint: Endpoint) -> str:
    if endpoint.path:
        return endpoint.path
    return endpoint.host if endpoint.port == PORT else f"{endpoint.host}:{endpoint.port}"


def _points(name: str, hashes: int) -> list[int]:
    digests = (md5(f"{name}-{number}".encode(), usedforsecurity=False).digest() for number in range(hashes))
    return [point for digest in digests for point in _FOUR.unpack(digest)]


def _hashes(weight: int, total: int, servers: int) -> int:
    """How many digests a server gets, rounded as C's `float` does."""
    share = _float(weight / total)
    return int(_float(_float(_float(share * 4 * _HASHES) / 4) * servers))


def _float(number: float) -> float:
    rounded: float = _FLOAT.unpack(_FLOAT.pack(number))[0]
    return rounded
