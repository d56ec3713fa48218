"""A real replica that is behind: what is read there while a change is on its way is kept by nobody."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from watch_shop import until

from afresh import Cache
from afresh.db import Database, dbapi
from afresh.testing.servers import PostgresServer
from afresh.testing.servers.postgres import program

pytestmark = [pytest.mark.servers, pytest.mark.slow]

BEHIND, DECLARED = 0.2, 1.0  # seconds


class Replica(PostgresServer):
    """A copy of another server, which it follows with a delay."""

    def __init__(self, folder: Path, primary: PostgresServer) -> None:
        super().__init__(folder, options={"recovery_min_apply_delay": f"{BEHIND * 1000:.0f}ms"})
        self._primary = primary

    def _initialise(self) -> None:
        whose = ["-h", str(self._primary.home), "-p", str(self._primary.port), "-U", "postgres"]
        copy = [
            program("pg_basebackup"),
            *whose,
            "-D",
            str(self.home / "data"),
            "-R",
            "-c",
            "fast",
            "-X",
            "stream",
        ]
        subprocess.run([*self._demoted(), *copy], cwd=self.home, capture_output=True, check=True)


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("primary")) as primary:
        primary.psql(
            "CREATE TABLE product (id int PRIMARY KEY, version int); INSERT INTO product VALUES (1, 0), (2, 0)"
        )
        yield primary


@pytest.fixture(scope="module")
def replica(primary: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with Replica(tmp_path_factory.mktemp("replica"), primary) as replica:
        yield replica


class Shop:
    """Writes on the primary, reads on the replica; both are captured, and are one database in tags."""

    def __init__(
        self, primary: PostgresServer, replica: PostgresServer, cache: Cache, lag: float | None
    ) -> None:
        self._primary: Any = dbapi.wrap(psycopg.connect(primary.url), Database("postgres"))
        there = Database("postgres", replica_lag=lag)
        self._replica: Any = dbapi.wrap(psycopg.connect(replica.url, autocommit=True), there)
        self.loads = 0
        self.version = cache.cached(prefix="version")(self._version)

    def _version(self, id: int) -> int:
        self.loads += 1
        sql = "SELECT version FROM product WHERE id = %s"
        return int(self._replica.execute(sql, [id]).fetchall()[0][0])

    def write(self) -> int:
        sql = "UPDATE product SET version = version + 1 WHERE id = 1 RETURNING version"
        version = int(self._primary.execute(sql).fetchall()[0][0])
        self._primary.commit()
        return version

    def kept(self, id: int) -> bool:
        """Whether two reads are one load."""
        self.version(id)
        before = self.loads
        self.version(id)
        return self.loads == before

    def close(self) -> None:
        self._primary.close()
        self._replica.close()


def test_an_old_row_is_read_and_not_kept(primary: PostgresServer, replica: PostgresServer) -> None:
    with Cache("memory://") as cache:
        shop = Shop(primary, replica, cache, DECLARED)
        until(lambda: shop.kept(1) and shop.kept(2), "what is old enough")
        for _ in range(2):
            loads = shop.loads
            version = shop.write()
            assert shop.version(1) < version  # it is not there yet
            assert not shop.kept(1)
            assert shop.loads > loads
            until(lambda version=version: shop.version(1) == version, "the replica's turn")
            until(lambda: shop.kept(1), "what is old enough")
            assert shop.version(1) == version
        shop.close()


def test_without_a_declared_lag_the_old_row_stays(primary: PostgresServer, replica: PostgresServer) -> None:
    """The test above can fail."""
    with Cache("memory://") as cache:
        shop = Shop(primary, replica, cache, None)
        shop.version(1)
        version = shop.write()
        assert shop.version(1) < version
        assert replica.psql("SELECT pg_is_in_recovery()") == "t"
        end = time.monotonic() + 5 * BEHIND
        until(lambda: time.monotonic() > end)
        assert int(replica.psql("SELECT version FROM product WHERE id = 1")) == version
        assert shop.version(1) < version
        shop.close()
