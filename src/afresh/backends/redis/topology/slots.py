"""Which slot of a cluster a key belongs to, and which node has which slots."""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Iterator, Sequence
from typing import Any

from afresh.backends.endpoint import Endpoint
from afresh.backends.redis.client import Argument

SLOTS = 16_384


def slot_of(key: Argument) -> int:
    """CRC-16/XMODEM of the key, or of what stands between its first `{` and the next `}`.

    Source: the Redis Cluster specification, "Key distribution model" and "Hash tags".
    """
    if not isinstance(key, bytes):
        key = str(key).encode()
    start = key.find(b"{")
    if start >= 0:
        end = key.find(b"}", start + 1)
        if end > start + 1:
            key = key[start + 1 : end]
    return crc_hqx(key, 0) % SLOTS


def ranges(reply: Sequence[Any], asked: Endpoint) -> Iterator[tuple[int, int, Endpoint]]:
    """From the answer to `CLUSTER SLOTS`: first and last slot of each range, and its primary.

    Args:
        reply: The answer.
        asked: Who gave it: a node that doesn't know its own name leaves the host empty.
    """
    for first, last, primary, *_ in reply:
        host = (primary[0] or b"").decode()
        if host != "?":
            yield first, last, Endpoint(host or asked.host, primary[1])


def moved_to(refusal: str, asked_host: str) -> tuple[int, Endpoint]:
    """From `MOVED 3999 127.0.0.1:6381` or `ASK …`: the slot, and where it is."""
    _, slot, where = refusal.split(" ", 2)
    host, _, port = where.rpartition(":")
    return int(slot), Endpoint(host or asked_host, int(port))
