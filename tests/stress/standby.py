"""A replica that a server's commits wait for: they are in the log some milliseconds before anybody sees them."""

from __future__ import annotations

import select
import threading
import time
from typing import Any, Self

import psycopg2
from psycopg2 import extras

from afresh.testing.servers import PostgresServer


class SlowStandby:
    """Receives the log, and says so later. As long as it is there, every commit takes that much longer.

    Args:
        server: Whose commits wait.
        seconds: So long.
    """

    def __init__(self, server: PostgresServer, seconds: float) -> None:
        self._server, self._seconds = server, seconds
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        here = self._server.psql("SELECT pg_current_wal_lsn()")
        connection = psycopg2.connect(
            self._server.dsn, connection_factory=extras.PhysicalReplicationConnection, application_name="slow"
        )
        cursor: Any = connection.cursor()
        cursor.start_replication(start_lsn=here)
        while not self._end.is_set():
            message = cursor.read_message()
            if message is None:
                select.select([cursor], [], [], 0.01)
                continue
            time.sleep(self._seconds)
            while (later := cursor.read_message()) is not None:
                message = later
            position = message.data_start + message.data_size
            cursor.send_feedback(write_lsn=position, flush_lsn=position, apply_lsn=position, force=True)
        connection.close()

    def _waited_for(self, name: str) -> None:
        self._server.psql(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        self._server.psql("SELECT pg_reload_conf()")

    def __enter__(self) -> Self:
        self._thread.start()
        self._waited_for("slow")
        return self

    def __exit__(self, *_: object) -> None:
        self._waited_for("")
        self._end.set()
        self._thread.join()
