"""The mode of each namespace, in a hash that every process looks at."""

from __future__ import annotations

import os
from typing import Final

from afresh.backends.redis.client import Client
from afresh.errors import BackendError
from afresh.runtime.drive import drive

MODES: Final = "afresh-modes"


class RedisControl:
    """One field for each namespace. A mode that was evicted is forgotten by processes that start later."""

    def __init__(self, client: Client, *, timeout: float = 1.0) -> None:
        """Keep the modes on the server of `client`; writing one may take `timeout` seconds."""
        self._client = client
        self._timeout = timeout
        self._seen: dict[str, bytes] = {}

    def write(self, namespace: str, mode: str) -> None:
        """Tell every process.

        Raises:
            BackendError: The server doesn't answer.
        """
        # The same mode written twice is news twice: somebody else may have set another one between.
        written = f"{mode}\n{os.urandom(6).hex()}".encode()
        drive(self._client.run("HSET", MODES, namespace, written, timeout=self._timeout))
        self._seen[namespace] = written

    def changed(self, namespace: str) -> str | None:
        """The mode, if it was written since the last call that returned it; `None` while nobody can tell."""
        try:
            written = drive(self._client.run("HGET", MODES, namespace))
        except BackendError:
            return None
        if not isinstance(written, bytes) or written == self._seen.get(namespace):
            return None
        self._seen[namespace] = written
        return written.partition(b"\n")[0].decode("utf-8", "replace")
