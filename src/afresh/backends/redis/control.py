"""The mode of each namespace: fields of one hash."""

from __future__ import annotations

from typing import Final

from afresh.backends.modes import Modes
from afresh.backends.redis.client import Client
from afresh.runtime.drive import drive

MODES: Final = "afresh-modes"


def modes_on(client: Client, timeout: float) -> Modes:
    """Keep the modes on the server of `client`; writing one may take `timeout` seconds."""
    return Modes(
        lambda namespace: drive(client.run("HGET", MODES, namespace)),
        lambda namespace, mode: drive(client.run("HSET", MODES, namespace, mode, timeout=timeout)),
    )
