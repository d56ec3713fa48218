"""The table of automatic invalidation beside Django: SQLAlchemy's ORM, Core and asyncio, each cell."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import db_table
import pytest
from db_faces import SCHEMA, Shop, postgres_shop, sqlite_shop
from watch_shop import until

from afresh import Cache
from afresh.db.watch import Slot, Taken, Watcher
from afresh.db.watch.asking import Asker, connector
from afresh.db.watch.sqlite import SQLiteWatcher
from afresh.testing.servers import PostgresServer

KINDS = ["orm", "core", "async"]
COLUMNS = ["save", "update", "bulk", "raw", "other program", "row B keeps row A", "late fill"]
GOAL = dict.fromkeys(COLUMNS, "fresh") | {"row B keeps row A": "yes"}

Scenario = Callable[[Shop, Cache], Awaitable[None]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        for statement in SCHEMA:
            server.psql(statement.replace("INTEGER PRIMARY KEY", "SERIAL PRIMARY KEY"))
        yield server


def answered(make: Callable[[], Shop], scenario: Scenario, right: str = "fresh") -> str:
    """What a scenario says, with a shop and a cache of its own."""

    async def main() -> None:
        shop = make()
        try:
            with Cache("memory://") as cache:
                await scenario(shop, cache)
        finally:
            await shop.close()

    try:
        asyncio.run(main())
    except AssertionError as error:
        return f"not {right}: {error}"
    return right


def written(kind: str) -> Scenario:
    return lambda shop, cache: db_table.write_is_seen(shop, cache, kind)


async def other_row_is_kept(shop: Shop, cache: Cache) -> None:
    reader, writer = shop.face(), shop.face()
    price = shop.cached(cache, reader, "price")
    await price(1)
    await reader.rollback()
    await writer.save(3, price=31)
    await writer.commit()
    await writer.update(2, 32)
    await writer.commit()
    await writer.execute("UPDATE product SET price = price + 1 WHERE name = 'cat'")
    await writer.commit()
    shop.loads.clear()
    await price(1)
    await reader.rollback()
    assert shop.loads == []


def table(make: Callable[[], Shop]) -> dict[str, str]:
    """The line of one kind, but for other programs."""
    cells = {kind: answered(make, written(kind)) for kind in db_table.WRITES}
    cells["row B keeps row A"] = answered(make, other_row_is_kept, "yes")
    cells["late fill"] = answered(make, db_table.late_fill_is_fresh)
    return cells


def by_another_program(write: Callable[[str], object], follow: Callable[[Cache], Any]) -> Scenario:
    """What another program changes while somebody follows the database."""

    async def scenario(shop: Shop, cache: Cache) -> None:
        reader = shop.face()
        price = shop.cached(cache, reader, "price")
        with follow(cache):
            assert (await price(1), await price(4)) == (10, 40)
            await reader.rollback()
            write("UPDATE product SET price = 77 WHERE id = 1")
            for _ in range(400):
                found = await price(1)
                await reader.rollback()
                if found == 77:
                    break
                await asyncio.sleep(0.01)
            shop.loads.clear()
            assert (await price(1), await price(4), shop.loads) == (77, 40, [])
            await reader.rollback()

    return scenario


@pytest.mark.parametrize("kind", KINDS)
def test_sqlite(kind: str, tmp_path: Path) -> None:
    folders = (tmp_path / str(number) for number in range(9))
    database = tmp_path / "other" / "shop.db"

    def make(folder: Path | None = None) -> Shop:
        folder = folder or next(folders)
        folder.mkdir()
        return sqlite_shop(kind, folder)

    def write(sql: str) -> None:
        program = (
            "import sqlite3, sys; sqlite3.connect(sys.argv[1], isolation_level=None).execute(sys.argv[2])"
        )
        subprocess.run([sys.executable, "-c", program, str(database), sql], check=True)

    elsewhere = by_another_program(write, lambda cache: SQLiteWatcher(database, cache))
    found = table(make) | {"other program": answered(lambda: make(database.parent), elsewhere)}
    assert found == GOAL


@contextmanager
def followed(server: PostgresServer, cache: Cache, slot: str) -> Iterator[None]:
    try:
        with Watcher(server.url, cache, slot=slot, full="all"):
            yield
    finally:
        with closing(Asker(connector(server.url))) as asker:
            until(lambda: dropped(asker, slot), "the slot's end")


def dropped(asker: Asker, slot: str) -> bool:
    try:
        Slot(slot).drop(asker)
    except Taken:  # whoever read it is still ending
        return False
    return True


@pytest.mark.slow
@pytest.mark.servers
@pytest.mark.parametrize("kind", KINDS)
def test_postgresql(kind: str, server: PostgresServer) -> None:
    def make() -> Shop:
        return postgres_shop(kind, server)

    elsewhere = by_another_program(server.psql, lambda cache: followed(server, cache, f"table_{kind}"))
    assert table(make) | {"other program": answered(make, elsewhere)} == GOAL
