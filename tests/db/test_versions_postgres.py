"""A table of versions: whatever any program commits is known to a `strict` reader that begins afterwards."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from versions_shop import Shop

from afresh import Cache
from afresh.db.watch import Versions
from afresh.testing.servers import PostgresServer

pytestmark = [pytest.mark.servers, pytest.mark.slow]

NAME1, NAME2 = (f"SELECT name FROM product WHERE id = {n}" for n in (1, 2))
SHELF1, SHELF2 = (f"SELECT id FROM product WHERE shelf = {n}" for n in (1, 2))
REVIEWS1, REVIEWS2 = (f"SELECT count(*), sum(stars) FROM review WHERE product = {n}" for n in (1, 2))
ALL = "SELECT sum(price) FROM product"
NOTES = "SELECT text FROM note"
OLD, NEW = (f"SELECT seen FROM visit WHERE day = '{year}-01-01' AND page = 'a'" for year in (2010, 2030))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        server.psql("CREATE ROLE clerk LOGIN; CREATE ROLE keeper LOGIN")
        yield server


@pytest.fixture(scope="module")
def both(server: PostgresServer) -> Iterator[tuple[Shop, Versions]]:
    with Cache("memory://", consistency="strict") as cache:
        shop = Shop(server, cache)
        with shop.versions().create() as versions:
            yield shop, versions
        shop.close()


@pytest.fixture
def shop(both: tuple[Shop, Versions]) -> Shop:
    return both[0]


@pytest.fixture
def versions(both: tuple[Shop, Versions]) -> Versions:
    return both[1]


@pytest.mark.parametrize(
    ("write", "again"),
    [
        ("UPDATE product SET name = name || '!' WHERE id = 1", [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("UPDATE product SET price = price + 1 WHERE id = 1", [0, 0, 0, 0, 0, 0, 1, 0, 0, 0]),
        ("UPDATE product SET shelf = 3 - shelf WHERE shelf IN (1, 2)", [0, 0, 1, 1, 0, 0, 0, 0, 0, 0]),
        ("UPDATE product SET id = 100 WHERE id = 11", [0, 0, 0, 1, 0, 0, 1, 0, 0, 0]),
        ("UPDATE product SET name = name, views = views + 1", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("UPDATE product SET name = 'x' WHERE false", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("INSERT INTO product VALUES (30, 'new', 1, 1)", [0, 0, 1, 0, 0, 0, 1, 0, 0, 0]),
        (
            "INSERT INTO product VALUES (1, 'a', 1, 0), (31, 'b', 1, 0) ON CONFLICT (id) DO UPDATE SET name = 'up'",
            [1, 0, 0, 0, 0, 0, 1, 0, 0, 0],
        ),
        (
            "MERGE INTO product p USING (VALUES (1), (32)) v(id) ON p.id = v.id WHEN MATCHED THEN UPDATE SET name = 'm'"
            " WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'n', 1, 0)",
            [1, 0, 0, 0, 0, 0, 1, 0, 0, 0],
        ),
        ("DELETE FROM product WHERE id = 2", [0, 1, 1, 1, 0, 1, 1, 0, 0, 0]),
        ("COPY review FROM STDIN;\n1001\t1\t1\n\\.\n", [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]),
        ("TRUNCATE review", [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]),
        ("DELETE FROM note WHERE text = 'a'", [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]),
        ("UPDATE visit SET seen = 7 WHERE day = '2010-01-01'", [0, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
        ("UPDATE visit_new SET seen = 7 WHERE page = 'a'", [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("UPDATE visit SET day = '2031-01-01' WHERE day = '2010-01-01'", [0, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
        ("TRUNCATE product CASCADE", [1, 1, 1, 1, 1, 1, 1, 0, 0, 0]),
        ("BEGIN; DELETE FROM note; ROLLBACK", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("SET session_replication_role = replica; DELETE FROM note", [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]),
    ],
)
def test_what_another_program_writes(shop: Shop, write: str, again: list[int]) -> None:
    """Exactly what it changes is loaded again; a row that moves is looked for in both of its places."""
    queries = [NAME1, NAME2, SHELF1, SHELF2, REVIEWS1, REVIEWS2, ALL, NOTES, OLD, NEW]
    found = shop.reloaded(write, *queries)
    allowed = {
        "DELETE FROM product WHERE id = 2": {SHELF1, SHELF2},
        "UPDATE product SET id = 100 WHERE id = 11": {SHELF1, SHELF2},
    }
    for sql, was, wanted in zip(queries, found, again, strict=True):
        assert was == bool(wanted) or sql in allowed.get(write, ()), sql


def test_copy_of_100_000_rows_is_a_few_tags(shop: Shop, versions: Versions) -> None:
    rows = "".join(f"{n}\tc\t1\t1\t0\n" for n in range(1_000_001, 1_100_001))
    before = versions.status.tags
    assert shop.reloaded(f"COPY product FROM STDIN;\n{rows}\\.\n", ALL, SHELF1, NOTES) == [True, True, False]
    assert versions.status.tags - before <= 4
    wide = "SELECT max(length(coalesce(new::text, ''))) FROM afresh.change WHERE name = 'product'"
    assert int(shop.psql(wide)) < 100_000
    shop.psql("DELETE FROM product WHERE id > 1000000")


def test_commits_in_another_order_than_they_began(shop: Shop) -> None:
    with psycopg.connect(shop.url) as one, psycopg.connect(shop.url) as two:
        one.execute("INSERT INTO product VALUES (201, 'one', 1, 9)")
        two.execute("INSERT INTO product VALUES (202, 'two', 1, 9)")
        query = "SELECT id FROM product WHERE shelf = 9"
        assert shop.reloaded(two.commit, query) == [True]
        assert shop.reloaded(lambda: None, query) == [False]
        assert shop.reloaded(one.commit, query) == [True]
        assert shop.reloaded(lambda: None, query) == [False]


def test_values_that_are_hard_to_tell(shop: Shop) -> None:
    """Whatever a session's way of writing values: keys are told as they are, or the table as a whole."""
    shop.psql(
        "CREATE TABLE odd (key text PRIMARY KEY, half float8, raw bytea, doc json);"
        "CREATE INDEX ON odd(half); CREATE INDEX ON odd(raw)"
    )
    conditions = [f"key = '{'k' * 500}'", "half = 0.1", "raw = '\\x00ff'", "key = 'far'"]
    queries = [f"SELECT doc::text FROM odd WHERE {each}" for each in conditions]
    session = "SET bytea_output = 'escape'; SET extra_float_digits = -3; SET search_path = public;"
    doc = '{"a": "\\u0000", "b": 1e400}'
    short, far = f"('short', 0.1, '\\x00ff', '{doc}')", f"('far', 2.5, '\\x01', '{doc}')"
    long = f"(repeat('k', 500), 'NaN', '\\x02', '{doc}')"
    assert shop.reloaded(f"{session} INSERT INTO odd VALUES {short}, {far}, {long}", *queries) == [True] * 4
    told: list[str] = []
    end = shop.cache.listen(lambda event: told.extend(event.detail.get("names", ())))
    again = shop.reloaded(f"{session} UPDATE odd SET doc = '[]' WHERE key = 'short'", *queries)
    assert (again[0], again[3]) == (False, False)
    assert {"row::odd:half=0.1.doc", "row::odd:raw=b'\\x00\\xff'.doc"} <= set(told), told
    again = shop.reloaded(f"{session} UPDATE odd SET doc = '[]' WHERE key = 'far'", *queries)
    assert (again[0], again[3]) == (False, True)
    end()
    assert shop.reloaded("UPDATE odd SET doc = '[]' WHERE length(key) > 100", queries[0]) == [True]


def test_a_writer_needs_no_right_to_it(shop: Shop) -> None:
    shop.psql(
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk; INSERT INTO product VALUES (300, 'a', 1, 1)"
    )
    with psycopg.connect(shop.url.replace("postgres@", "clerk@"), autocommit=True) as clerk:
        assert shop.reloaded(
            lambda: clerk.execute("UPDATE product SET name = 'c' WHERE id = 300"),
            "SELECT name FROM product WHERE id = 300",
        ) == [True]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            clerk.execute("SELECT * FROM afresh.change")


def test_a_reader_needs_two_rights(shop: Shop) -> None:
    shop.psql("GRANT SELECT ON product TO keeper; GRANT USAGE ON SCHEMA afresh TO keeper")
    shop.psql("GRANT SELECT ON ALL TABLES IN SCHEMA afresh TO keeper")
    with (
        Cache("memory://", consistency="strict") as cache,
        Versions(shop.url.replace("postgres@", "keeper@"), cache, every=None, kept=0) as versions,
    ):
        before = versions.status.transactions
        shop.psql("INSERT INTO product VALUES (400, 'a', 1, 1)")
        versions.confirm()
        assert versions.status.transactions == before + 1
        assert versions.status.state == "following"


def test_old_rows_are_deleted_and_who_missed_them_announces_everything(server: PostgresServer) -> None:
    with Cache("memory://", consistency="strict") as cache, Cache("memory://", consistency="strict") as slow:
        shop = Shop(server, cache)
        here = shop.versions(kept=0.0).create()
        there = Versions(shop.url, slow, every=None)
        with here, there, psycopg.connect(shop.url) as open_for_long, shop.table() as table:
            open_for_long.execute("INSERT INTO note VALUES ('uncommitted')")
            shop.psql("UPDATE note SET text = 'x'")
            shop.query(NOTES)
            assert table.trim(0.0, 100) == 0  # a reader may have a snapshot as old as that transaction
            assert shop.reloaded(open_for_long.commit, NOTES) == [True]
            everything = there.status.everything
            for _ in range(3):
                shop.psql("UPDATE note SET text = 'y'")
            here.confirm()
            while table.trim(0.0, 2):
                continue
            assert shop.psql("SELECT count(*) FROM afresh.change") == "0"
            assert shop.reloaded(lambda: None, NOTES) == [False]
            there.confirm()
            assert there.status.everything == everything + 1
            there.confirm()
            assert there.status.everything == everything + 1
        shop.close()


def test_a_lost_connection_is_trouble_and_another_life_of_the_server_is_everything(tmp_path: Path) -> None:
    with PostgresServer(tmp_path) as server, Cache("memory://", consistency="strict") as cache:
        shop = Shop(server, cache)
        with shop.versions().create() as versions:
            assert shop.reloaded("UPDATE product SET name = 'a' WHERE id = 1", NAME1, NAME2) == [True, False]
            shop.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'afresh watch'"
            )
            everything = versions.status.everything
            shop.query(NAME1)  # finds out, and reads through
            assert versions.status.state == "away"
            assert shop.reloaded("UPDATE product SET name = 'b' WHERE id = 1", NAME1, NAME2)[0]
            assert versions.status.everything == everything
            server.kill()
            with pytest.raises(psycopg.OperationalError):
                shop.query(NAME1)
            server.start()
            shop.psql("UPDATE product SET name = 'c' WHERE id = 1")
            shop.query(NAME1)
            assert shop.reloaded("UPDATE product SET name = 'd' WHERE id = 1", NAME1)
            assert versions.status.everything == everything + 1
        shop.close()


def test_processes_of_one_cache_announce_once(server: PostgresServer, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/cache"
    with Cache(url, consistency="strict") as cache, Cache(url, consistency="strict") as other:
        shop = Shop(server, cache)
        with shop.versions().create() as here, Versions(shop.url, other, every=None) as there:
            assert there.status.everything == 0  # it knows what the first one has announced
            told = there.status.tags
            shop.query(NAME1)
            shop.psql("UPDATE product SET name = 'x' WHERE id = 1")
            here.confirm()
            there.confirm()
            assert there.status.transactions == 1
            assert there.status.tags == told
            shop.psql("UPDATE product SET name = 'y' WHERE id = 1")
            there.confirm()
            assert there.status.tags > told
            assert shop.reloaded(lambda: None, NAME2) == [False]
        with shop.versions() as again:
            assert again.status.everything == 0
        shop.close()


def test_one_database_does_not_wait_for_another(server: PostgresServer) -> None:
    """Of two that tell the same cache, each would ask the other whether all is told."""
    with Cache("memory://", consistency="strict") as cache:
        shop, other = Shop(server, cache), Shop(server, cache)
        with shop.versions().create() as here, other.versions(database="other").create() as there:
            shop.psql("UPDATE product SET name = 'x' WHERE id = 1")
            with there._lock:  # as if another thread were asking
                asking = threading.Thread(target=here.confirm, daemon=True)
                asking.start()
                asking.join(10)
                assert not asking.is_alive()
        shop.close()
        other.close()


def test_a_loop_is_not_blocked_and_is_told(server: PostgresServer) -> None:
    async def main() -> None:
        async with cache.aio.scope():
            assert await query() == "p1"
            shop.psql("UPDATE product SET name = 'x' WHERE id = 1")
        async with cache.aio.scope():
            assert await query() == "x"
        shop.query(NAME1)
        shop.psql("UPDATE product SET name = 'y' WHERE id = 1")
        assert shop.query(NAME1) == ["('y',)"]  # a plain call on a loop's thread blocks it, as ever

    with Cache("memory://", consistency="strict") as cache:
        shop = Shop(server, cache)

        @cache.cached
        async def query() -> str:
            return shop._load(NAME1)[0][2:-3]

        with shop.versions().create():
            asyncio.run(main())
        shop.close()


def test_a_child_process_opens_its_own_connection(server: PostgresServer, tmp_path: Path) -> None:
    with Cache(f"sqlite:///{tmp_path}/cache", consistency="strict") as cache:
        shop = Shop(server, cache)
        with shop.versions(every=0.01).create() as versions:
            shop.query(NAME1)
            shop.psql("UPDATE product SET name = 'x' WHERE id = 1")
            child = os.fork()
            if not child:
                shop._connection = None
                os._exit(0 if shop.query(NAME1) == ["('x',)"] and versions.status.state == "following" else 1)
            assert os.waitpid(child, 0)[1] == 0
            assert shop.reloaded("UPDATE product SET name = 'y' WHERE id = 1", NAME1) == [True]
        shop.close()


def test_a_bounded_cache_is_told_by_the_thread(server: PostgresServer) -> None:
    with Cache("memory://") as cache:
        shop = Shop(server, cache)
        told = threading.Event()
        with shop.versions(every=0.01).create():
            shop.query(NAME1)
            shop.query(NAME2)
            shop.loads.clear()
            end = cache.listen(lambda event: told.set() if event.kind == "invalidate" else None)
            shop.psql("UPDATE product SET name = 'x' WHERE id = 1")
            assert told.wait(10)
            assert (shop.query(NAME1), shop.query(NAME2)) == (["('x',)"], ["('p2',)"])
            assert shop.loads == [NAME1]
            end()
        shop.close()
