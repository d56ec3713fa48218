"""Whatever happens to the watcher, the slot or the server: nothing that changed is missed, and it is said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from watch_shop import Shop, until

from afresh import Cache, ConfigurationError
from afresh.db.watch import Slot, Watcher
from afresh.db.watch.asking import Asker, connector
from afresh.testing.servers import PostgresServer, RedisServer

pytestmark = [pytest.mark.servers, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    options = {"max_slot_wal_keep_size": "32MB", "max_wal_size": "32MB", "min_wal_size": "32MB"}
    with PostgresServer(tmp_path_factory.mktemp("postgres"), options=options) as server:
        yield server


@pytest.fixture(params=[None, 0.01], ids=["stream", "poll"])
def poll(request: pytest.FixtureRequest) -> object:
    return request.param


@pytest.fixture
def shop(server: PostgresServer) -> Iterator[Shop]:
    with Cache("memory://") as cache:
        shop = Shop(server, cache)
        yield shop
        shop.close()


def test_what_changed_while_nobody_watched_is_announced_and_nothing_else(shop, poll):
    with shop.watcher(poll=poll) as watcher:
        shop.announced(watcher, "UPDATE product SET name = 'before' WHERE id = 1")
    shop.product(1), shop.product(2)
    shop.psql("UPDATE product SET name = 'meanwhile' WHERE id = 1")
    shop.loads.clear()
    assert shop.product(1)[0][0] == "before"
    with shop.watcher(poll=poll) as watcher:
        until(lambda: watcher.status.transactions == 1)
        assert watcher.status.everything == 0
        assert shop.product(1)[0][0] == "meanwhile"
        shop.product(2)
    assert len(shop.loads) == 1


def test_a_watcher_that_dies_before_it_confirms_begins_again_there(shop, poll, monkeypatch):
    watcher = shop.watcher(poll=poll).start()
    shop.announced(watcher, "UPDATE product SET name = 'one' WHERE id = 1")
    monkeypatch.setattr(watcher._targets, "announce", _dies)
    shop.product(1), shop.product(2)
    shop.psql("UPDATE product SET name = 'two' WHERE id = 1; UPDATE product SET name = 'two' WHERE id = 2")
    until(lambda: watcher.status.state == "away")
    watcher.stop()
    assert shop.product(1)[0][0] == "one"
    with shop.watcher(poll=poll) as watcher:
        until(lambda: shop.product(1)[0][0] == shop.product(2)[0][0] == "two")


def _dies(names):
    raise RuntimeError("killed")


def test_a_slot_that_was_dropped_is_everything(shop, poll):
    with shop.watcher(poll=poll) as watcher:
        shop.announced(watcher, "UPDATE product SET name = 'one' WHERE id = 1")
    shop.product(1)
    shop.psql(
        f"SELECT pg_drop_replication_slot('{shop.name}'); UPDATE product SET name = 'lost' WHERE id = 1"
    )
    with shop.watcher(poll=poll) as watcher:
        assert shop.product(1)[0][0] == "lost"
        assert watcher.status.everything == 1
        assert "is new" in watcher.status.said[0]


def test_a_slot_that_is_dropped_under_a_watcher_is_everything(shop, poll):
    with shop.watcher(poll=poll) as watcher:
        shop.product(1)
        watched = watcher.status.everything
        shop.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'afresh watch'"
            " AND datname = current_database();"
            "DO $$ BEGIN FOR n IN 1 .. 500 LOOP"
            f" IF (SELECT NOT active FROM pg_replication_slots WHERE slot_name = '{shop.name}') THEN"
            f" PERFORM pg_drop_replication_slot('{shop.name}'); EXIT; END IF;"
            " PERFORM pg_sleep(0.002); END LOOP; END $$; UPDATE product SET name = 'lost' WHERE id = 1"
        )
        until(lambda: shop.product(1)[0][0] == "lost")
        until(lambda: watcher.status.everything > watched)


def test_a_slot_that_the_server_gave_up_is_everything(shop, poll):
    with shop.watcher(poll=poll):
        shop.product(1)
    shop.psql(
        "UPDATE product SET name = 'lost' WHERE id = 1; CREATE TABLE filler (id serial PRIMARY KEY, text text)"
    )
    for _ in range(8):
        shop.psql("INSERT INTO filler (text) SELECT repeat('x', 1000) FROM generate_series(1, 10000)")
        shop.psql("SELECT pg_switch_wal(); CHECKPOINT")
    assert shop.psql(f"SELECT wal_status FROM pg_replication_slots WHERE slot_name = '{shop.name}'") == "lost"
    with shop.watcher(poll=poll) as watcher:
        assert shop.product(1)[0][0] == "lost"
        assert watcher.status.everything == 1


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_that_is_restarted_is_everything(server, shop, poll, how):
    with shop.watcher(poll=poll) as watcher:
        shop.product(1)
        watched = watcher.status.everything
        getattr(server, how)()
        until(lambda: watcher.status.state == "away")
        server.start()
        shop.psql("UPDATE product SET name = 'after' WHERE id = 1")
        until(lambda: watcher.status.everything > watched)
        until(lambda: shop.product(1)[0][0] == "after")
        until(lambda: watcher.status.state == "following")
        shop.announced(watcher, "UPDATE product SET name = 'later' WHERE id = 1")
        assert shop.product(1)[0][0] == "later"


def test_a_publication_that_was_dropped_is_everything(shop, poll):
    with shop.watcher(poll=poll) as watcher:
        shop.product(1)
        shop.psql("DROP PUBLICATION afresh; UPDATE product SET name = 'lost' WHERE id = 1")
        until(lambda: shop.product(1)[0][0] == "lost")
        until(lambda: watcher.status.state == "following")


def test_a_cache_that_was_told_less_is_told_everything(shop, poll):
    with shop.watcher(poll=poll) as watcher:
        shop.announced(watcher, "UPDATE product SET name = 'one' WHERE id = 1")
    with Cache("memory://") as second:
        other = shop.watcher(poll=poll)
        other._targets._caches = (second,)
        with other:
            assert other.status.everything == 1
            shop.product(1)
            shop.announced(other, "UPDATE product SET name = 'two' WHERE id = 1")
    assert shop.product(1)[0][0] == "one"  # its cache wasn't told
    with shop.watcher(poll=poll) as watcher:
        assert watcher.status.everything == 1
        assert shop.product(1)[0][0] == "two"


def test_a_second_watcher_waits_and_takes_over(shop, poll):
    first, second = shop.watcher(poll=poll).start(), shop.watcher(poll=poll)
    with pytest.raises(TimeoutError, match="waiting"):
        second.start(patience=0.5)
    shop.product(1)
    first.stop()
    until(lambda: second.status.state == "following")
    shop.announced(second, "UPDATE product SET name = 'two' WHERE id = 1")
    assert shop.product(1)[0][0] == "two"
    assert second.status.everything == 0
    second.stop()


def test_changes_are_kept_while_a_cache_can_not_be_told(server, tmp_path):
    with RedisServer(tmp_path) as redis, Cache(redis.url) as cache:
        shop = Shop(server, cache)
        with shop.watched() as watcher:
            assert shop.product(1)[0][0] == "p1"
            redis.kill()
            shop.psql("UPDATE product SET name = 'new' WHERE id = 1")
            redis.start()
            until(lambda: shop.product(1)[0][0] == "new")
            until(lambda: watcher.status.state == "following" and watcher.status.transactions > 0)
            assert shop.product(1)[0][0] == "new"


def test_tables_without_a_key_are_refused_or_logged_in_full(server):
    with Cache("memory://") as cache:
        shop = Shop(server, cache, schema="CREATE TABLE keyless (a int)", full="")
        with pytest.raises(ConfigurationError, match="keyless: no primary key"):
            shop.watcher().start()
        assert shop.psql("SELECT count(*) FROM pg_publication") == "0"
        with shop.watched(full="keyless"):
            shop.psql("INSERT INTO keyless VALUES (1); UPDATE keyless SET a = 2")


def test_a_slot_of_another_database_is_refused(server, shop):
    with shop.watcher(), Cache("memory://") as cache:
        other = Shop(server, cache)
        with pytest.raises(ConfigurationError, match="choose another name"):
            other.watcher(slot=shop.name).start()
        other.close()


def test_dropping_leaves_nothing(shop):
    with shop.watcher():
        pass
    asker = Asker(connector(shop.url))
    Slot(shop.name).drop(asker)
    for table in (
        "pg_replication_slots WHERE database = current_database()",
        "pg_publication",
        "pg_event_trigger",
    ):
        assert asker.value(f"SELECT count(*) FROM {table}") == 0
    asker.close()


def test_a_role_that_may_only_replicate_goes_on(server, shop):
    """A superuser makes publication and triggers once; then that is enough."""
    server.psql("DROP ROLE IF EXISTS herald; CREATE ROLE herald LOGIN REPLICATION")
    with shop.watcher() as watcher:
        shop.announced(watcher, "UPDATE product SET name = 'one' WHERE id = 1")
    shop.product(1)
    url = shop.url.replace("postgres@", "herald@")
    with Watcher(url, shop.cache, slot=shop.name) as watcher:
        assert watcher.status.everything == 0
        shop.announced(watcher, "UPDATE product SET name = 'two' WHERE id = 1")
        assert shop.product(1)[0][0] == "two"
