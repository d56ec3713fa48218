"""Who watches a database doesn't announce once more what whoever wrote it announces."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg as driver
import psycopg
import pytest
from watch_shop import until

from afresh import Cache
from afresh.db import Database, asyncpg, dbapi
from afresh.db.steps import announced
from afresh.db.watch import Versions, Watcher
from afresh.db.watch.schema import epochs
from afresh.testing.servers import PostgresServer

SCHEMA = """
    CREATE TABLE product (id int PRIMARY KEY, name text);
    INSERT INTO product VALUES (1, 'ant'), (2, 'bee');
"""


@pytest.mark.parametrize(
    ("content", "found"), [(b"[1, 2]", {1, 2}), ("[]", set()), (b"{", set()), (b"7", set())]
)
def test_what_a_message_says(content: bytes, found: set[int]) -> None:
    assert epochs(content) == found


def test_no_epoch_can_be_taken_for_anything_else() -> None:
    assert "'[3, 4]'" in announced([3, 4])


class Shop:
    """One database; a connection of the application, and what follows from outside."""

    def __init__(
        self, server: PostgresServer, cache: Cache, name: str, *, watched: bool = True, user: str = "postgres"
    ) -> None:
        self.url, self._server, self._name = server.create(name), server, name
        self.psql(SCHEMA)
        self.database = Database("postgres", watched=watched)
        self.connection: Any = dbapi.wrap(
            psycopg.connect(self.url.replace("postgres@", f"{user}@"), prepare_threshold=None), self.database
        )
        self.marks = 0
        self._end = cache.listen(lambda event: self._count(event.kind))

    def _count(self, kind: str) -> None:
        self.marks += kind == "invalidate"

    def psql(self, sql: str) -> None:
        self._server.psql(sql, database=self._name)

    def write(self, sql: str = "UPDATE product SET name = name || '!' WHERE id = 1") -> None:
        self.connection.execute(sql)
        self.connection.commit()

    def close(self) -> None:
        self._end()
        self.connection.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.parametrize("watched", [True, False])
def test_the_log_says_what_is_announced(server: PostgresServer, watched: bool) -> None:
    with Cache("memory://") as cache:
        shop = Shop(server, cache, f"log{watched}".lower(), watched=watched)
        with Watcher(shop.url, cache, slot=f"log{watched}".lower(), full="all") as watcher:
            before = shop.marks
            shop.write()
            until(lambda: watcher.status.transactions == 1)
            assert shop.marks - before == (1 if watched else 2)
            assert watcher.status.known == watched
            shop.psql("UPDATE product SET name = 'x' WHERE id = 1")
            until(lambda: watcher.status.transactions == 2)
            assert watcher.status.known == watched
            shop.write("ALTER TABLE product ADD COLUMN more int")  # what follows has to see it in any case
            until(lambda: watcher.status.transactions == 3)
            assert watcher.status.known == watched
        shop.close()


@pytest.mark.servers
@pytest.mark.slow
def test_another_cache_is_told_all_the_same(server: PostgresServer) -> None:
    """Another ledger, which the writer's process doesn't know."""
    with Cache("memory://") as cache, Cache("memory://", capture=False) as other:
        shop = Shop(server, cache, "another")
        told: list[str] = []
        other.listen(lambda event: told.extend(event.detail.get("names", ())))
        with Watcher(shop.url, other, slot="another", full="all") as watcher:
            shop.write()
            until(lambda: watcher.status.transactions == 1)
            assert watcher.status.known == 0
            assert any("product" in name for name in told)
        shop.close()


@pytest.mark.servers
@pytest.mark.slow
def test_a_table_of_versions_says_so_too(server: PostgresServer) -> None:
    with Cache("memory://", consistency="strict") as cache, Cache("memory://", capture=False) as other:
        shop = Shop(server, cache, "table")
        with (
            Versions(shop.url, cache, every=None).create() as versions,
            Versions(shop.url, other, every=None) as others,
        ):
            before = shop.marks
            shop.write()
            versions.confirm()
            assert (shop.marks - before, versions.status.known) == (1, 1)
            told = others.status.tags
            others.confirm()
            assert others.status.tags > told
            shop.psql("UPDATE product SET name = 'x' WHERE id = 1")
            versions.confirm()
            assert (shop.marks - before, versions.status.known) == (2, 1)
            shop.write("CREATE TABLE more (id int PRIMARY KEY)")
            before = shop.marks
            versions.confirm()
            assert shop.marks > before
        shop.close()


@pytest.mark.servers
@pytest.mark.slow
def test_who_has_no_right_to_the_table_of_versions_tells_the_log(server: PostgresServer) -> None:
    with Cache("memory://") as cache:
        server.psql("CREATE ROLE clerk LOGIN")
        shop = Shop(server, cache, "clerk", user="clerk")
        shop.psql("GRANT ALL ON product TO clerk")
        with (
            Versions(shop.url, cache, every=None).create() as versions,
            Watcher(shop.url, cache, slot="clerk", full="all") as watcher,
        ):
            shop.write()
            until(lambda: watcher.status.transactions == 1)
            versions.confirm()
            assert (watcher.status.known, versions.status.known) == (1, 0)
            shop.psql("GRANT USAGE ON SCHEMA afresh TO clerk")
            shop.write()
            until(lambda: watcher.status.known == 2)
            versions.confirm()
            assert versions.status.known == 1
        shop.close()


@pytest.mark.servers
@pytest.mark.slow
def test_nothing_is_said_of_a_transaction_that_wrote_nothing(server: PostgresServer) -> None:
    with Cache("memory://") as cache:
        shop = Shop(server, cache, "nothing")
        shop.connection.execute("SELECT 1")
        shop.connection.commit()
        with Versions(shop.url, cache, every=None).create() as versions:
            shop.write()
            versions.confirm()
            assert versions.status.known == 1
        shop.close()


async def _asyncpg(url: str) -> None:
    connection = asyncpg.wrap(await driver.connect(url), asyncpg.postgres(watched=True))
    await connection.execute("UPDATE product SET name = 'a' WHERE id = $1", 1)
    async with connection.transaction():
        await connection.execute("UPDATE product SET name = 'b' WHERE id = $1", 1)
    await connection.close()


@pytest.mark.servers
@pytest.mark.slow
def test_coroutines_say_so_too(server: PostgresServer) -> None:
    with Cache("memory://") as cache:
        shop = Shop(server, cache, "coroutines")
        with Versions(shop.url, cache, every=None).create() as versions:
            asyncio.run(_asyncpg(shop.url))
            versions.confirm()
            assert versions.status.known == 2
        shop.close()
