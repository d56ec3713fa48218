"""Other programs write all the time, watchers come and go: in the end every cached value is the database's."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from watch_shop import Shop, until

from afresh import Cache
from afresh.testing.servers import PostgresServer

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SECONDS = 4.0
WRITES = [
    "UPDATE product SET name = name || '.' WHERE id = {id}",
    "UPDATE product SET price = price + 1 WHERE id IN ({id}, {other})",
    "UPDATE review SET product = {other} WHERE product = {id} AND id % 3 = 0",
    "INSERT INTO review SELECT coalesce(max(id), 0) + 1, {id}, 5, 'new' FROM review",
    "DELETE FROM review WHERE product = {id} AND stars = 5",
    "UPDATE product SET id = {id} + 1000 WHERE id = {id} AND NOT EXISTS (SELECT 1 FROM review WHERE product = {id})",
    "UPDATE product SET id = {id} WHERE id = {id} + 1000",
    "CREATE INDEX IF NOT EXISTS review_stars ON review(stars)",
    "DROP INDEX IF EXISTS review_stars",
    "ALTER TABLE review ADD COLUMN IF NOT EXISTS extra int DEFAULT {id}",
    "ALTER TABLE review DROP COLUMN IF EXISTS extra",
    "TRUNCATE note; INSERT INTO note SELECT n, 'n{id}' FROM generate_series(1, 300) n",
]
READS = [
    "SELECT name FROM product WHERE id = {id}",
    "SELECT price FROM product WHERE id = {id}",
    "SELECT * FROM product WHERE id IN ({id}, {other})",
    "SELECT count(*), sum(stars) FROM review WHERE product = {id}",
    "SELECT count(*) FROM review WHERE stars = 5",
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


def _write(url: str, seed: str, ended: threading.Event) -> None:
    dice = random.Random(seed)
    with psycopg.connect(url, autocommit=True) as connection:
        while not ended.is_set():
            try:
                with connection.transaction():
                    for _ in range(dice.randint(1, 3)):
                        connection.execute(_filled(dice.choice(WRITES), dice))
                    if dice.random() < 0.2:
                        raise psycopg.Rollback
            except psycopg.Error:  # they are in each other's way
                continue
            time.sleep(dice.random() * 0.01)


@pytest.mark.parametrize("full", ["all", "keyless"])
@pytest.mark.parametrize("poll", [None, 0.01], ids=["stream", "poll"])
def test_in_the_end_all_is_true(
    server: PostgresServer, tmp_path: Path, full: str, poll: float | None
) -> None:
    dice = random.Random(os.environ["AFRESH_SEED"])
    queries = [text.format(id=id_, other=1 + id_ % 12) for text in READS for id_ in range(1, 13)]
    with Cache(f"sqlite:///{tmp_path / 'cache'}") as cache:
        shop = Shop(server, cache, full=full)
        ended = threading.Event()
        writers = [
            threading.Thread(target=_write, args=(shop.url, f"{dice.random()}", ended)) for _ in range(4)
        ]
        watcher = shop.watcher(poll=poll).start()
        for writer in writers:
            writer.start()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for _ in range(50):
                shop.query(dice.choice(queries), ())
            if dice.random() < 0.03:
                watcher.stop()
                watcher = shop.watcher(poll=poll).start()
        ended.set()
        for writer in writers:
            writer.join()
        last = ("SELECT name FROM product WHERE id = 99999", ())
        assert shop.query(*last) == []
        shop.psql("INSERT INTO product VALUES (99999, 'the last')")  # commits are announced in their order
        until(lambda: shop.query(*last) == [["the last"]])
        stale = [
            sql
            for sql in queries
            if sorted(map(str, shop.query(sql, ()))) != sorted(map(str, shop.query.uncached(sql, ())))
        ]
        watcher.stop()
        shop.close()
    assert stale == []
    assert len(shop.loads) > 200
