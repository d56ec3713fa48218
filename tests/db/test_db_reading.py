"""What is read becomes dependencies, or the reason why a result can't be kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from db_small import Small

from afresh import Cache
from afresh.db import Database
from afresh.db.reading import asks_for_now, thin_out
from afresh.engine.asking.tracker import Tracker
from afresh.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_000_000.0)


@pytest.fixture
def cache(clock: FakeClock) -> Iterator[Cache]:
    with Cache("memory://", clock=clock) as cache:
        yield cache


@pytest.fixture
def small(cache: Cache, clock: FakeClock) -> Iterator[Small]:
    small = Small(cache, Database("sqlite", volatile={"product": ["views"]}, clock=clock))
    yield small
    small.close()


def test_what_a_statement_reads_is_what_a_result_depends_on(small: Small, cache: Cache) -> None:
    with cache.scope() as scope:
        small.cached("SELECT name FROM product WHERE id = 1")()
    assert "row::product:1.name" in scope.dependencies
    assert "schema:" in scope.dependencies


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT random()", "random"),
        ("PRAGMA table_info(product)", "no query"),
        ("INSERT INTO audit (what) VALUES ('read') RETURNING id", "writes"),
    ],
)
def test_what_cant_be_kept_is_not_and_says_why(small: Small, cache: Cache, sql: str, reason: str) -> None:
    query = small.cached(sql)
    query()
    query()
    assert len(small.loads) == 2
    assert all(reason in each for each in small.reasons("fill-refused"))
    key = small.events[-1].key.partition(":")[2]
    explained = cache.explain(key)
    assert explained.state == "miss"
    assert reason in explained.reason
    assert explained.reason.startswith("not kept: ")


def test_what_is_made_from_it_is_not_kept_either(small: Small, cache: Cache) -> None:
    inner = small.cached("SELECT random()")
    outer = cache.cached(prefix="outer")(lambda: inner())
    with cache.scope():
        outer()
    outer()
    assert len(small.loads) == 2


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("SELECT name FROM product WHERE made < date('now')", ()),
        ("SELECT name FROM product WHERE made < ?", None),
        ("SELECT name FROM product WHERE made < ?", ("now",)),
        ("SELECT views FROM product WHERE id = 1", ()),
    ],
)
def test_what_no_write_announces_is_capped_in_age(
    small: Small, clock: FakeClock, sql: str, parameters: tuple[str, ...] | None
) -> None:
    given = (datetime.fromtimestamp(clock.now(), UTC).isoformat(),) if parameters is None else parameters
    query = small.cached(sql, *given)
    query()
    clock.advance(59)
    query()
    assert len(small.loads) == 1
    clock.advance(2)
    query()
    assert len(small.loads) == 2


def test_a_volatile_column_drops_nothing(small: Small) -> None:
    whole = small.cached("SELECT id, name, price, views, made FROM product WHERE id = 1")
    whole()
    small.change("UPDATE product SET views = views + 1 WHERE id = 1")
    whole()
    assert len(small.loads) == 1
    small.change("UPDATE product SET price = 11 WHERE id = 1")
    whole()
    assert len(small.loads) == 2


def test_other_results_have_no_end(small: Small, clock: FakeClock) -> None:
    query = small.cached("SELECT name FROM product WHERE made < ?", "2020-06-01")
    query()
    clock.advance(1e7)
    query()
    assert len(small.loads) == 1


@pytest.mark.parametrize(
    "parameters",
    [(), None, (1, 2.0, None, b"x", True, "some text", "2020-01-01"), {"a": "x" * 1000}, ([1, 2],)],
)
def test_parameters_that_are_not_the_present(parameters: object) -> None:
    assert not asks_for_now(parameters, Database("sqlite"))


def test_parameters_that_are_the_present() -> None:
    now = datetime.now(UTC)
    for each in (now, now.date(), now.strftime("%Y-%m-%d %H:%M:%S"), " NOW ", [now]):
        assert asks_for_now((1, each), Database("sqlite"))
        assert asks_for_now({"a": 1, "b": each}, Database("sqlite"))


def test_of_many_rows_the_table_is_kept(small: Small, cache: Cache) -> None:
    @cache.cached
    def everything() -> int:
        small.loads.append("everything")
        for number in range(5000):
            small.connection.execute("SELECT name FROM product WHERE id = ?", (number,)).fetchall()
        return len(small.loads)

    everything()
    key = next(event.key for event in small.events if event.kind == "fill").partition(":")[2]
    assert cache.explain(key).tags < 2_200
    small.change("UPDATE product SET name = 'eel' WHERE id = 2")
    everything()
    assert small.loads == ["everything", "everything"]


def test_tags_of_ones_own_are_left_alone(cache: Cache) -> None:
    tracker = Tracker(cache._engine.ledger, 0, None)
    tracker.named = {"tag:menu", "key::k", *(f"row:x:t:{n}:any" for n in range(2_100)), "row::t:1:any"}
    thin_out(tracker)
    assert tracker.named == {"tag:menu", "key::k", "row::t:1:any", "table:x:t:any", "table:x:t:all"}


def test_a_transaction_that_began_before_sees_what_was_there_then(small: Small, cache: Cache) -> None:
    """As with a snapshot: the load is later than the mark, what it sees is not."""
    query = small.cached("SELECT name FROM product WHERE id = 1")
    small.connection.execute("BEGIN")
    thread = threading.Thread(target=lambda: cache.invalidate(*_row_one()))
    thread.start()
    thread.join()
    query()
    small.connection.commit()
    query()
    assert len(small.loads) == 2
    query()
    assert len(small.loads) == 2


def _row_one() -> list[object]:
    from afresh import Row

    return [Row("product", 1)]


def test_a_query_that_is_not_read_to_its_end_makes_others_doubtful(small: Small, cache: Cache) -> None:
    query = small.cached("SELECT name FROM product WHERE id = 1")
    unfinished = small.connection.execute("SELECT name FROM product")
    query()
    assert any("unfinished" in each for each in small.reasons("fill-refused"))
    unfinished.fetchall()
    query()
    query()
    assert len(small.loads) == 2


def test_but_not_within_the_load_that_sent_it(small: Small, cache: Cache) -> None:
    inner = small.cached("SELECT name FROM product WHERE id = 1")

    @cache.cached
    def outer() -> list[object]:
        return [(row, inner()) for row in small.connection.execute("SELECT id FROM product")]

    assert outer() == outer()
    assert len(small.loads) == 1
