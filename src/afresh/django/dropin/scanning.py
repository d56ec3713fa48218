"""Keys by a pattern: in small steps that keep nobody waiting, on each primary."""

from __future__ import annotations

import re
from typing import Any

from afresh.backends.redis.nodes import representatives
from afresh.backends.redis.servers import RedisClient

_SPECIAL = re.compile(r"([*?\[\]\\])")
_STEP = 512


def escaped(text: str) -> str:
    """A text that stands for itself in a pattern."""
    return _SPECIAL.sub(r"\\\1", text)


class Scan:
    """The keys that match, some at a time; a key may come twice.

    ::

        while (keys := await scan.more()) is not None: ...

    Args:
        client: The servers.
        pattern: As Redis has it: `*`, `?`, `[ab]`.
        step: How many keys are looked at in one step.
    """

    def __init__(self, client: RedisClient, pattern: str | bytes, step: int = _STEP) -> None:
        self._client = client
        self._match = pattern
        self._step = step
        self._nodes: list[Any] | None = None
        self._cursor: Any = 0

    async def more(self) -> list[bytes] | None:
        """The next keys, perhaps none; `None` at the end."""
        client = self._client
        if self._nodes is None:
            self._nodes = await representatives(client) if client.address.kind == "cluster" else [b"afresh"]
        if not self._nodes:
            return None
        command = ("SCAN", self._cursor, "MATCH", self._match, "COUNT", self._step)
        found: list[bytes]
        self._cursor, found = await client.run(
            *command, key=self._nodes[0], timeout=client.address.write_timeout
        )
        if int(self._cursor) == 0:
            del self._nodes[0]
        return found
