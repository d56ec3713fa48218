"""Every kind of write against every way to read, on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import db_table
import pytest
from db_faces import SCHEMA, Shop, postgres_shop

from afresh import Cache
from afresh.testing.servers import PostgresServer

pytestmark = [pytest.mark.servers, pytest.mark.slow]

KINDS = ["psycopg", "psycopg2", "psycopg-autocommit", "core", "orm", "async", "asyncpg"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        for statement in SCHEMA:
            server.psql(statement.replace("INTEGER PRIMARY KEY", "SERIAL PRIMARY KEY"))
        yield server


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache("memory://") as cache:
        yield cache


def run(kind: str, server: PostgresServer, scenario: Callable[[Shop], Awaitable[None]]) -> None:
    async def main() -> None:
        shop = postgres_shop(kind, server)
        try:
            await scenario(shop)
        finally:
            await shop.close()

    asyncio.run(main())


@pytest.mark.parametrize("write", db_table.WRITES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_write_is_seen_and_drops_nothing_else(
    kind: str, write: str, server: PostgresServer, cache: Cache
) -> None:
    run(kind, server, lambda shop: db_table.write_is_seen(shop, cache, write))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scenario", [db_table.lists_follow, db_table.late_fill_is_fresh])
def test_what_was_read(
    kind: str, scenario: Callable[..., Awaitable[None]], server: PostgresServer, cache: Cache
) -> None:
    run(kind, server, lambda shop: scenario(shop, cache))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "psycopg-autocommit"])
@pytest.mark.parametrize("scenario", [db_table.rollback_drops_nothing, db_table.own_writes_are_read])
def test_transactions(
    kind: str, scenario: Callable[..., Awaitable[None]], server: PostgresServer, cache: Cache
) -> None:
    run(kind, server, lambda shop: scenario(shop, cache))
