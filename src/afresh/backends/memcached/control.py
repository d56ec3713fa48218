"""The mode of each namespace: an item of its own."""

from __future__ import annotations

from afresh.backends.memcached.client import Client, Request
from afresh.backends.modes import Modes
from afresh.runtime.drive import drive


def modes_on(client: Client, timeout: float) -> Modes:
    """Keep the modes on the servers of `client`; writing one may take `timeout` seconds."""
    return Modes(
        lambda namespace: drive(client.one(Request("mg", _item(namespace), ("v",)))).value,
        lambda namespace, mode: drive(
            client.one(Request("ms", _item(namespace), ("T0",), mode), timeout=timeout)
        ),
    )


def _item(namespace: str) -> bytes:
    return b"afresh:mode:" + namespace.encode()
