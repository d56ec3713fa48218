"""Who asks why a value is gone is told which write it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from afresh import Cache, tag
from afresh.db import Database, dbapi
from afresh.engine.changes.trail import Step, Trail


def test_a_statement_of_a_connection_is_named() -> None:
    with (
        Cache("memory://") as cache,
        closing(dbapi.wrap(sqlite3.connect(":memory:"), Database("sqlite", name="trail"))) as shop,
    ):
        shop.executescript("CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT)")
        shop.executescript("INSERT INTO product VALUES (1, 'ant')")

        @cache.cached
        def name() -> list[tuple[str]]:
            return shop.execute("SELECT name FROM product WHERE id = 1").fetchall()

        name()
        shop.execute("UPDATE product SET name = ?\n  WHERE id = 1", ("asp",))
        shop.commit()
        shop.execute("UPDATE product SET name = ? WHERE id = 2", ("bee",))
        shop.commit()
        told = cache.explain(name.key())
        assert told.written_by == "UPDATE product SET name = ? WHERE id = 1"
        assert f"  written by {told.written_by}" in str(told)


def test_by_hand_and_by_another_cache_of_the_same_ledger(tmp_path) -> None:  # type: ignore[no-untyped-def]
    url = f"sqlite:///{tmp_path / 'cache'}"
    with Cache(url) as here, Cache(url) as there:
        here.get_or_load("k", lambda: 1, tags=[tag("menu")])
        there.invalidate(tag("menu"))
        told = here.explain("k")
        assert (told.reason, told.written_by) == ("invalidated", "")
        assert "written by another process, or long ago" in str(told)
        here.invalidate(tag("menu"))
        assert here.explain("k").written_by == "cache.invalidate()"


def test_the_last_one_counts_and_the_oldest_goes() -> None:
    trail = Trail()
    for number in range(300):
        trail.add(Step((f"tag:{number}", "tag:each"), "captured", (f"UPDATE {number}",)))
    assert str(trail.of("tag:each")) == "UPDATE 299"
    assert trail.of("tag:3") is None


def test_a_long_statement_is_cut() -> None:
    assert len(str(Step((), "captured", ("x" * 1_000,)))) == 200
    assert str(Step((), "watched", ())) == "a write that a watcher saw"
