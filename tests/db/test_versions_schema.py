"""The schema changes under a table of versions: what isn't covered any more, or not yet, is never believed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from versions_shop import Shop
from watch_shop import until

from afresh import Cache, ConfigurationError
from afresh.testing.servers import PostgresServer

pytestmark = [pytest.mark.servers, pytest.mark.slow]

NAME1, NAME2 = (f"SELECT name FROM product WHERE id = {n}" for n in (1, 2))
NOTES = "SELECT text FROM note"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        server.psql("CREATE ROLE keeper LOGIN")
        yield server


@pytest.mark.parametrize("owner", ["", "keeper"], ids=["superuser", "owner"])
def test_changes_of_the_schema(server: PostgresServer, owner: str) -> None:
    """With event triggers, and without, where the schema is compared."""
    with Cache("memory://", consistency="strict") as cache:
        shop = Shop(server, cache, owner=owner)
        versions = shop.versions().create()
        assert versions.create() is versions  # again: nothing is missing
        star = "SELECT * FROM product WHERE id = 1"
        with versions:
            assert versions._following._told is not bool(owner)
            assert shop.reloaded("ALTER TABLE product ADD COLUMN more int DEFAULT 3", star) == [True]
            assert shop.reloaded("UPDATE product SET more = 4 WHERE id = 1", star) == [True]
            shop.psql("CREATE TABLE later (id int PRIMARY KEY, t text); INSERT INTO later VALUES (1, 'a')")
            later = "SELECT t FROM later WHERE id = 1"
            for text in "bcd":
                assert shop.reloaded(f"UPDATE later SET t = '{text}' WHERE id = 1", later) == [True]
            assert shop.reloaded(lambda: None, later) == [bool(owner)]  # not covered: never kept for long
            assert shop.reloaded("UPDATE later SET t = 'e' WHERE id = 2", later) == [bool(owner)]
            shop.psql("DROP TABLE later; CREATE TABLE later (id int PRIMARY KEY, t text)")
            assert shop.query(later) == []
            assert shop.reloaded(
                "CREATE OR REPLACE VIEW dear AS SELECT id FROM product WHERE price > 5", star
            )
            dear = "SELECT id FROM dear"
            assert shop.reloaded(
                "CREATE OR REPLACE VIEW dear AS SELECT id FROM product WHERE price > 9", dear
            ) == [True]
            assert shop.reloaded("UPDATE product SET price = 50 WHERE id = 1", dear) == [True]
            shop.psql("CREATE MATERIALIZED VIEW kept AS SELECT sum(price) AS total FROM product")
            total = "SELECT total FROM kept"
            shop.query(total)
            shop.psql("UPDATE product SET price = 51 WHERE id = 1")
            assert shop.reloaded("REFRESH MATERIALIZED VIEW kept", total) == [True]
        shop.close()


def test_a_table_whose_triggers_are_off_is_never_believed(server: PostgresServer) -> None:
    with Cache("memory://", consistency="strict") as cache:
        shop = Shop(server, cache)
        with shop.versions().create():
            assert shop.reloaded("UPDATE note SET text = 'x'", NOTES, NAME1) == [True, False]
            shop.psql("ALTER TABLE note DISABLE TRIGGER ALL")
            assert shop.reloaded("UPDATE note SET text = 'y'", NOTES, NAME1) == [True, False]
            assert shop.reloaded("UPDATE note SET text = 'z'", NOTES, NAME1) == [True, False]
            with shop.table() as table:
                assert ["note" in each.what for each in table.findings()] == [True]
                table.create()
            assert shop.reloaded("UPDATE note SET text = 'a'", NOTES, NAME1)[0]
            assert shop.reloaded(lambda: None, NOTES) == [False]
        shop.close()


def test_what_a_subscription_applies_is_never_believed(server: PostgresServer) -> None:
    """It fires no statement triggers."""
    with Cache("memory://", consistency="strict") as cache, Cache("memory://") as elsewhere:
        shop, source = Shop(server, cache), Shop(server, elsewhere)
        slot = f"of_{shop.name}"
        source.psql(
            f"CREATE PUBLICATION p FOR TABLE product; SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')"
        )
        with shop.versions().create():
            shop.query(NAME1), shop.query(NOTES)
            shop.psql(
                f"CREATE SUBSCRIPTION s CONNECTION 'host={server.home} port={server.port} user=postgres dbname={source.name}'"
                f" PUBLICATION p WITH (create_slot = false, slot_name = '{slot}', copy_data = false)"
            )
            for name in "abc":
                source.psql(f"UPDATE product SET name = '{name}' WHERE id = 1")
                until(lambda name=name: shop.psql(NAME1) == name)
                assert shop.query(NAME1) == [f"('{name}',)"]
            assert shop.reloaded(lambda: None, NOTES) == [False]
            with shop.table() as table:
                assert ["subscription" in each.what for each in table.findings()] == [True]
            shop.psql("ALTER SUBSCRIPTION s DISABLE; ALTER SUBSCRIPTION s SET (slot_name = NONE)")
            shop.psql("DROP SUBSCRIPTION s")
            assert shop.reloaded("UPDATE product SET name = 'x' WHERE id = 1", NAME1, NAME2) == [True, False]
        source.psql(f"SELECT pg_drop_replication_slot('{slot}')")
        shop.close()


def test_a_copy_of_another_server_is_noticed_and_begun_anew(server: PostgresServer) -> None:
    """A dump that is played back has numbers of transactions that are still to come here."""
    with Cache("memory://", consistency="strict") as cache:
        shop = Shop(server, cache)
        with shop.versions().create() as versions, shop.table() as table:
            shop.psql("UPDATE afresh.horizon SET xid = '99999999999'")
            shop.psql("INSERT INTO afresh.change (xid, operation) VALUES ('99999999998', 'whole')")
            assert shop.reloaded(lambda: None, NAME1) == [True]  # nothing is believed, nothing is stale
            assert ["played back" in each.what for each in table.findings()] == [True]
            table.create()
            assert list(table.findings()) == []
            everything = versions.status.everything
            assert shop.reloaded("UPDATE product SET name = 'x' WHERE id = 1", NAME1, NAME2) == [True, False]
            assert versions.status.everything <= everything + 1
        shop.close()


def test_nothing_is_made_by_itself(server: PostgresServer) -> None:
    with Cache("memory://", consistency="strict") as cache:
        shop = Shop(server, cache)
        with pytest.raises(ConfigurationError, match="make it once"):
            shop.versions().start()
        with shop.table() as table:
            assert [each.severity for each in table.findings()] == ["error"]
            table.create()
            assert list(table.findings()) == []
            table.drop()
        assert shop.psql("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal") == "0"
        assert shop.psql("SELECT count(*) FROM pg_event_trigger") == "0"
        assert shop.psql("SELECT to_regclass('afresh.change')") == ""
