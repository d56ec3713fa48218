"""Streaming through psycopg2: a commit is here within a fraction of a millisecond."""

from __future__ import annotations

import select
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from afresh.db.watch.asking import SETTINGS
from afresh.db.watch.slot import Slot
from afresh.errors import ConfigurationError

_AT_ONCE = 1000  # messages of one answer
_ALIVE = 10.0  # seconds between signs of life


class Stream:
    """A replication connection that has begun to send.

    Args:
        url: Of the database.
        slot: What it reads.

    Raises:
        ConfigurationError: psycopg2 isn't installed.
    """

    every = 1.0

    def __init__(self, url: str, slot: Slot) -> None:
        try:
            psycopg2, extras = import_module("psycopg2"), import_module("psycopg2.extras")
        except ImportError as error:
            raise ConfigurationError(
                "streaming needs psycopg2 (pip install 'afresh[postgres]'); polling does with any driver"
            ) from error
        self._connection = psycopg2.connect(
            url,
            connection_factory=extras.LogicalReplicationConnection,
            options=SETTINGS,
            application_name="afresh watch",
        )
        self._cursor: Any = self._connection.cursor()
        try:
            self._cursor.start_replication(
                slot_name=slot.name, decode=False, status_interval=_ALIVE, options=slot.options
            )
        except BaseException:
            self._connection.close()
            raise

    def read(self, seconds: float) -> Sequence[bytes]:
        """The next messages; none if none came within about so many seconds."""
        found = self._received()
        if not found:
            select.select([self._cursor], [], [], seconds)
            found = self._received()
        return found

    def _received(self) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < _AT_ONCE and (message := self._cursor.read_message()) is not None:
            found.append(message.payload)
        return found

    @property
    def idle(self) -> int:
        """The end of the server's log, as it last told."""
        return int(self._cursor.wal_end)

    def confirm(self, position: int) -> None:
        """Tell the server what was announced."""
        self._cursor.send_feedback(flush_lsn=position, force=True)

    def close(self) -> None:
        """End it."""
        self._connection.close()
