"""Other programs write all the time, watchers come and go: after each round every cached value is the database's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest
from watch_shop import SCHEMA, Shop, until

from afresh import Cache
from afresh.db import Database
from afresh.db.dbapi import wrap
from afresh.testing.servers import PostgresServer
from sizes import seed, size

pytestmark = [pytest.mark.servers, pytest.mark.slow]

MORE = """
    CREATE TABLE mark (id int PRIMARY KEY, text text);
    CREATE INDEX review_stars ON review(stars);
"""
WRITES = [
    "UPDATE product SET name = name || '.' WHERE id = {id}",
    "UPDATE product SET price = price + 1 WHERE id IN ({id}, {other})",
    "UPDATE review SET product = {other} WHERE product = {id} AND id % 3 = 0",
    "INSERT INTO review SELECT coalesce(max(id), 0) + 1, {id}, 5, 'new' FROM review",
    "DELETE FROM review WHERE product = {id} AND stars = 5",
    "UPDATE product SET id = {id} + 1000 WHERE id = {id} AND NOT EXISTS (SELECT 1 FROM review WHERE product = {id})",
    "UPDATE product SET id = {id} WHERE id = {id} + 1000",
    "TRUNCATE note; INSERT INTO note SELECT n, 'n{id}' FROM generate_series(1, 300) n",
]
SCHEMA_WRITES = [
    "CREATE INDEX IF NOT EXISTS review_stars ON review(stars)",
    "DROP INDEX IF EXISTS review_stars",
    "ALTER TABLE review ADD COLUMN IF NOT EXISTS extra int DEFAULT {id}",
    "ALTER TABLE review DROP COLUMN IF EXISTS extra",
]
READS = [
    "SELECT name FROM product WHERE id = {id}",
    "SELECT price FROM product WHERE id = {id}",
    "SELECT * FROM product WHERE id IN ({id}, {other})",
    "SELECT count(*), sum(stars) FROM review WHERE product = {id}",
    "SELECT count(*) FROM review WHERE stars = 5",
    "SELECT * FROM review WHERE product = {id}",
    "SELECT p.name, count(r.id) FROM product p LEFT JOIN review r ON r.product = p.id WHERE p.id = {id} GROUP BY 1",
    "SELECT sum(price) FROM product",
    "SELECT text FROM note WHERE id = {id}",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


def _filled(text: str, dice: random.Random) -> str:
    return text.format(id=dice.randint(1, 12), other=dice.randint(1, 12))


def _write(connection: psycopg.Connection[tuple[object, ...]], chance: float) -> None:
    """A few transactions of another program."""
    dice = random.Random(chance)
    for _ in range(4):
        try:
            with connection.transaction():
                for _ in range(dice.randint(1, 3)):
                    kind = WRITES if dice.random() < 0.97 else SCHEMA_WRITES
                    connection.execute(_filled(dice.choice(kind), dice))  # type: ignore[arg-type]
                if dice.random() < 0.2:
                    raise psycopg.Rollback
        except psycopg.Error:  # they are in each other's way
            continue


class Round:
    """Everybody writes and reads; then all is announced, and what is cached compared with the database."""

    def __init__(
        self, shop: Shop, writers: list[psycopg.Connection[tuple[object, ...]]], dice: random.Random
    ) -> None:
        self.shop = shop
        self.writers = writers
        self.dice = dice
        self.last = 99_999
        self.loads = 0
        self._connection = wrap(
            psycopg.connect(shop.url, autocommit=True, prepare_threshold=None), Database("postgres")
        )
        self.query = shop.cache.cached(prefix=f"{shop.name}:seen")(self._load)
        self.queries = [text.format(id=id_, other=1 + id_ % 12) for text in READS for id_ in range(1, 13)]

    def _load(self, sql: str) -> list[str]:
        """Nothing is declared: what it reads is seen."""
        self.loads += 1
        return sorted(map(str, self._connection.execute(sql).fetchall()))

    def run(self, pool: ThreadPoolExecutor) -> list[str]:
        """One round; the queries whose cached answer is stale."""
        written = [pool.submit(_write, each, self.dice.random()) for each in self.writers]
        while not all(each.done() for each in written):
            with suppress(
                psycopg.errors.DeadlockDetected
            ):  # a reader may be chosen to give way, like a writer
                self.query(self.dice.choice(self.queries))
        for each in written:
            each.result()
        self.settle()
        return [sql for sql in self.queries if self.query(sql) != self.query.uncached(sql)]

    def settle(self) -> None:
        """Wait for a commit after all others: they are announced in their order."""
        self.last += 1
        last = f"SELECT text FROM mark WHERE id = {self.last}"
        assert self.query(last) == []
        self.shop.psql(f"INSERT INTO mark VALUES ({self.last}, 'x')")
        until(lambda: bool(self.query(last)))

    def close(self) -> None:
        """End its connection."""
        self._connection.close()


@pytest.mark.parametrize("full", ["all", "keyless"])
@pytest.mark.parametrize("poll", [None, 0.01], ids=["stream", "poll"])
def test_after_each_round_all_is_true(
    server: PostgresServer, tmp_path: Path, full: str, poll: float | None
) -> None:
    dice = random.Random(seed())
    with (
        Cache(f"sqlite:///{tmp_path / 'cache'}") as cache,
        ThreadPoolExecutor(4) as pool,
        ExitStack() as stack,
    ):
        shop = Shop(server, cache, full=full, schema=SCHEMA + MORE)
        stack.callback(shop.close)
        writers = [stack.enter_context(psycopg.connect(shop.url, autocommit=True)) for _ in range(4)]
        watcher = shop.watcher(poll=poll).start()
        stack.callback(lambda: watcher.stop())
        round_ = Round(shop, writers, dice)
        stack.callback(round_.close)
        for _ in range(size(12, 1000)):
            assert round_.run(pool) == []
            if dice.random() < 0.1:
                watcher.stop()
                watcher = shop.watcher(poll=poll)
                watcher.start()
    assert round_.loads > 200
