"""The mode of each namespace, in an item that every process looks at."""

from __future__ import annotations

import os

from afresh.backends.memcached.client import Client, Request
from afresh.errors import BackendError
from afresh.runtime.drive import drive


class MemcachedControl:
    """One item for each namespace. A mode that was evicted is forgotten by processes that start later."""

    def __init__(self, client: Client, *, timeout: float = 1.0) -> None:
        """Keep the modes on the servers of `client`; writing one may take `timeout` seconds."""
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
        drive(self._client.one(Request("ms", _item(namespace), ("T0",), written), timeout=self._timeout))
        self._seen[namespace] = written

    def changed(self, namespace: str) -> str | None:
        """The mode, if it was written since the last call that returned it; `None` while nobody can tell."""
        try:
            written = drive(self._client.one(Request("mg", _item(namespace), ("v",)))).value
        except BackendError:
            return None
        if written is None or written == self._seen.get(namespace):
            return None
        self._seen[namespace] = written
        return written.partition(b"\n")[0].decode("utf-8", "replace")


def _item(namespace: str) -> bytes:
    return b"afresh:mode:" + namespace.encode("utf-8", "surrogatepass")
