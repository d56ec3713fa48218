"""Ask each primary of a cluster for itself: a key of its own stands for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from afresh.backends.redis.client import Client
from afresh.backends.redis.topology.slots import slot_of


async def representatives(client: Client) -> list[bytes]:
    """A key on each primary that has any slots now, whether it exists or not."""
    found: dict[bytes, tuple[int, int]] = {}
    for first, last, primary, *_ in await client.run("CLUSTER", "SLOTS", key=b"afresh"):
        found.setdefault(bytes(primary[2]), (first, last))
    return list(_keys_in(found.values()))


def _keys_in(ranges: Iterable[Sequence[int]]) -> Iterable[Any]:
    for first, last in ranges:
        number = 0
        while not first <= slot_of(b"%d" % number) <= last:
            number += 1
        yield b"%d" % number
