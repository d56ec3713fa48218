"""Changes of the schema are seen as well, and what is seen of rows stays right after them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from watch_shop import Shop, asked, until

from afresh import Cache, Where
from afresh.db.watch import Slot, Watcher
from afresh.db.watch.asking import Asker, connector
from afresh.db.watch.check import findings
from afresh.db.watch.schema import Told, told
from afresh.testing.servers import PostgresServer

SCHEMA = """
    CREATE TABLE part (id int, day date, text text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
    CREATE TABLE part_2026 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    INSERT INTO part VALUES (1, '2026-02-03', 'a'), (2, '2026-02-03', 'b');
    CREATE TABLE other (id int PRIMARY KEY, a int, b int); CREATE INDEX other_a ON other(a);
    INSERT INTO other VALUES (1, 1, 1), (2, 2, 2);
    CREATE VIEW few AS SELECT id FROM other WHERE a < 2;
    CREATE SCHEMA stock; CREATE TABLE stock.other (id int PRIMARY KEY); INSERT INTO stock.other VALUES (1);
"""
PART = ("SELECT text FROM part WHERE id = %s AND day = '2026-02-03'", (1,))
OTHER = ("SELECT a, b FROM other WHERE id = %s", (1,))
STOCK = ("SELECT id FROM stock.other WHERE id = %s", (1,))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def shop(server: PostgresServer) -> Iterator[Shop]:
    with Cache("memory://") as cache:
        yield Shop(server, cache, schema=SCHEMA)


@pytest.fixture
def watcher(shop: Shop) -> Iterator[Watcher]:
    with shop.watched() as watcher:
        yield watcher


def test_a_message_that_can_not_be_read_is_about_any_table():
    assert told(b'[["public", "a", "DROP TABLE"]]') == [Told("public", "a", "DROP TABLE")]
    assert told(b"{")[0].name is None
    assert told(b"[[1]]")[0].name is None


def reads(shop):
    return [lambda: shop.query(*PART), lambda: shop.query(*OTHER), lambda: shop.query(*STOCK)]


@pytest.mark.servers
@pytest.mark.parametrize(
    ("do", "dropped"),
    [
        ("UPDATE part_2026 SET text = 'new' WHERE id = 1", [True, False, False]),
        ("UPDATE part SET text = 'new' WHERE id = 2", [False, False, False]),
        ("TRUNCATE part_2026", [True, False, False]),
        ("ALTER TABLE part DETACH PARTITION part_2026", [True, False, False]),
        ("ALTER TABLE other ADD COLUMN c int DEFAULT 7", [False, True, False]),
        ("ALTER TABLE other ALTER b TYPE bigint USING b + 1", [False, True, False]),
        ("ALTER TABLE stock.other RENAME TO gone; ALTER TABLE stock.gone RENAME TO other", [True, True, True]),
        ("CREATE OR REPLACE VIEW few AS SELECT id FROM other WHERE a > 2", [True, True, True]),
        ("INSERT INTO stock.other VALUES (2)", [False, False, False]),
        ("DELETE FROM stock.other", [False, False, True]),
    ],
)  # fmt: skip
def test_what_is_dropped(shop, watcher, do, dropped):
    with asked(shop, *reads(shop)) as again:
        shop.announced(watcher, do, transactions=1 + do.count(";"))
    assert again == dropped


@pytest.mark.servers
def test_a_table_that_was_dropped(shop, watcher):
    shop.query(*STOCK)
    shop.announced(watcher, "DROP TABLE stock.other; CREATE TABLE stock.other (id int PRIMARY KEY)", 2)
    assert shop.query(*STOCK) == []


@pytest.mark.servers
def test_what_changes_no_data_is_not_told(shop, watcher):
    with asked(shop, *reads(shop)) as again:
        shop.psql(
            "CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (1); DROP TABLE t; CREATE SEQUENCE s;"
            "GRANT SELECT ON other TO PUBLIC; COMMENT ON TABLE other IS 'x'; ANALYZE; VACUUM"
        )
        shop.announced(watcher, "INSERT INTO stock.other VALUES (3)")
    assert again == [False, False, False]
    assert watcher.status.everything == 1


@pytest.mark.servers
def test_a_new_index_is_a_new_column_set_and_a_dropped_one_stays_one(shop, watcher):
    @shop.cache.cached(tags=[Where("other", b=2)])
    def by_b() -> list[list[object]]:
        return shop._load("SELECT id FROM other WHERE b = 2", ())

    @shop.cache.cached(tags=[Where("other", a=1)])
    def by_a() -> list[list[object]]:
        return shop._load("SELECT id FROM other WHERE a = 1", ())

    shop.announced(watcher, "CREATE INDEX other_b ON other(b)")
    shop.announced(watcher, "DROP INDEX other_a; UPDATE other SET b = 9 WHERE id = 1", 1)
    until(lambda: watcher.status.rows == 1)
    with asked(shop, by_a, by_b) as again:
        shop.announced(watcher, "UPDATE other SET a = 5, b = 5 WHERE id = 1")
        until(lambda: watcher.status.rows == 2)
    assert again == [True, False]
    with asked(shop, by_b) as again:
        shop.announced(watcher, "UPDATE other SET b = 3 WHERE id = 2")
    assert again == [True]


@pytest.mark.servers
def test_readers_are_told_that_there_is_another_schema(shop, watcher):
    class Schema:
        def carried(self) -> Iterator[str]:
            yield "schema:"

        marked = carried

    @shop.cache.cached(tags=[Schema()])
    def planned() -> str:
        shop.loads.append("planned")
        return "so"

    with asked(shop, planned) as again:
        shop.announced(watcher, "UPDATE other SET a = 7")
    assert again == [False]
    with asked(shop, planned) as again:
        shop.announced(watcher, "ALTER TABLE other ADD COLUMN c int")
    assert again == [True]


@pytest.mark.servers
def test_a_new_table_without_a_key_can_be_updated(shop, watcher):
    shop.announced(
        watcher, "CREATE TABLE keyless (a int); INSERT INTO keyless VALUES (1); UPDATE keyless SET a = 2", 3
    )
    assert shop.psql("SELECT a FROM keyless") == "2"


@pytest.mark.servers
def test_without_event_triggers_other_columns_are_still_noticed(shop, watcher):
    shop.psql("DROP EVENT TRIGGER afresh_schema_changed; DROP EVENT TRIGGER afresh_schema_dropped")
    shop.announced(watcher, "UPDATE other SET a = 3 WHERE id = 2")
    with asked(shop, *reads(shop)) as again:
        shop.announced(
            watcher, "ALTER TABLE other ADD COLUMN c int DEFAULT 1; UPDATE other SET c = 2 WHERE id = 2"
        )
    assert again == [False, True, False]


@pytest.mark.servers
def test_findings(server):
    with Cache("memory://") as cache:
        shop = Shop(
            server,
            cache,
            full="",
            schema="CREATE TABLE a (id int PRIMARY KEY); CREATE UNLOGGED TABLE u (a int)",
        )
        asker = Asker(connector(shop.url))

        def found() -> list[str]:
            return [each.what for each in findings(asker, Slot(shop.name))]

        assert found()[0] == f"there is no slot {shop.name}"
        with shop.watcher():
            texts = " ".join(found())
            assert "no slot" not in texts
            assert "unlogged tables are in no log: u" in texts
            assert "not logged" in texts
            assert "a watcher that is away" in texts
            assert "event triggers" not in texts
        shop.psql("DROP EVENT TRIGGER afresh_schema_changed; CREATE TABLE keyless (a int)")
        texts = " ".join(found())
        assert "nobody reads" in texts
        assert "event triggers" in texts
        assert "refuses UPDATE and DELETE: keyless" in texts
        asker.close()
        shop.close()
