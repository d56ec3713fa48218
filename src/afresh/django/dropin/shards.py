"""Servers over which either library has spread its keys, each by a ring of its own.

Values of ours live on the first server. What is on the others is theirs: it is looked for where they put it.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Sequence
from hashlib import md5, sha256
from typing import NamedTuple

from afresh.backends.redis.connect import open_client
from afresh.backends.redis.servers import RedisClient

_BRACED = re.compile(r".*\{(.*)\}.*", re.IGNORECASE)


class Shard(NamedTuple):
    """One server.

    Attributes:
        node: What its ring calls it.
        url: Where it is, in our words.
    """

    node: str
    url: str


class Ring:
    """The ring of django-redis: 128 places for each server; of a key, what stands in its last braces.

    Args:
        nodes: What it calls the servers.
    """

    def __init__(self, nodes: Sequence[str]) -> None:
        places = [(self._place(text), node) for node in nodes for text in self._texts(node)]
        self._places = sorted(places, key=lambda place: place[0])
        self._keys = [place for place, _ in self._places]

    def node_of(self, key: str) -> str:
        """Who has a key."""
        return self._places[bisect(self._keys, self._place(self._hashed(key))) - 1][1]

    def _texts(self, node: str) -> list[str]:
        return [f"{node}:{number}" for number in range(128)]

    def _hashed(self, key: str) -> str:
        found = _BRACED.match(key)
        return key if found is None else found[1]

    def _place(self, text: str) -> int:
        return int(sha256(text.encode()).hexdigest(), 16)


class CacheRing(Ring):
    """The ring of django-redis-cache: 16 places for each server."""

    def _texts(self, node: str) -> list[str]:
        return [f"{number}:{node}" for number in range(16)]

    def _hashed(self, key: str) -> str:
        return key

    def _place(self, text: str) -> int:
        return int(md5(text.encode(), usedforsecurity=False).hexdigest()[-8:], 16)


class Servers:
    """Where the keys of the other library are.

    Args:
        first: The server of ours; an attribute, too.
        shards: All of theirs, if they are spread.
        ring: Which ring spreads them.
    """

    def __init__(self, first: RedisClient, shards: Sequence[Shard] = (), ring: type[Ring] = Ring) -> None:
        self.first = first
        self._ring = ring([shard.node for shard in shards]) if shards else None
        self._clients = {shard.node: open_client(shard.url) for shard in shards[1:]}
        if shards:
            self._clients[shards[0].node] = first

    @property
    def spread(self) -> bool:
        """Whether they are several."""
        return self._ring is not None

    def of(self, key: str) -> RedisClient:
        """The server that has a key."""
        return self.first if self._ring is None else self._clients[self._ring.node_of(key)]

    def all(self) -> list[RedisClient]:
        """Each server."""
        return list(self._clients.values()) or [self.first]

    def close(self) -> None:
        """Hang up what was opened here."""
        for client in self._clients.values():
            if client is not self.first:
                client.close()
