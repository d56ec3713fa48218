"""What psql does to a database drops exactly the values that it changes, by stream and by polling."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from watch_shop import Shop, asked

from afresh import Cache
from afresh.db.watch import Watcher
from afresh.testing.servers import PostgresServer

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="module", params=[None, 0.01], ids=["stream", "poll"])
def both(server: PostgresServer, request: pytest.FixtureRequest) -> Iterator[tuple[Shop, Watcher]]:
    with Cache("memory://") as cache:
        shop = Shop(server, cache)
        with shop.watched(poll=request.param) as watcher:
            yield shop, watcher


@pytest.fixture
def shop(both: tuple[Shop, Watcher]) -> Shop:
    return both[0]


@pytest.fixture
def watcher(both: tuple[Shop, Watcher]) -> Watcher:
    return both[1]


def test_a_row(shop, watcher):
    with asked(shop, lambda: shop.product(1), lambda: shop.product(2), shop.products) as again:
        shop.announced(watcher, "UPDATE product SET name = name || '!' WHERE id = 1")
    assert again == [True, False, True]
    assert shop.product(1)[0][0].endswith("!")


def test_plans_column_by_column(shop, watcher):
    reads = [
        ("SELECT name FROM product WHERE id = %s", (3,)),
        ("SELECT price FROM product WHERE id = %s", (3,)),
        ("SELECT price FROM product WHERE id = %s", (4,)),
        ("SELECT text FROM review WHERE product = %s", (3,)),
    ]
    with asked(shop, *(lambda read=read: shop.query(*read) for read in reads)) as again:
        shop.announced(watcher, "UPDATE product SET price = price + 1 WHERE id = 3")
    assert again == [False, True, False, False]


def test_a_row_that_moves_drops_both_places(shop, watcher):
    with asked(shop, *(lambda each=each: shop.reviews(each) for each in (1, 2, 3))) as again:
        shop.announced(
            watcher, "UPDATE review SET product = 2 WHERE id = (SELECT min(id) FROM review WHERE product = 1)"
        )
    assert again == [True, True, False]


def test_volatile_columns_drop_nothing(shop, watcher):
    with asked(shop, lambda: shop.product(1), shop.products) as again:
        shop.announced(watcher, "UPDATE product SET views = views + 1")
    assert again == [False, False]


def test_a_cascade(shop, watcher):
    reads = [
        lambda: shop.reviews(10),
        lambda: shop.reviews(9),
        lambda: shop.product(10),
        lambda: shop.product(9),
    ]
    with asked(shop, *reads) as again:
        shop.announced(watcher, "DELETE FROM product WHERE id = 10")
    assert again == [True, False, True, False]
    assert shop.reviews(10) == [[0, None]]


def test_copy(shop, watcher):
    with asked(shop, lambda: shop.reviews(5), lambda: shop.reviews(6)) as again:
        shop.announced(watcher, "COPY review FROM STDIN;\n1001\t5\t1\tbad\n1002\t5\t1\tbad\n\\.\n")
    assert again == [True, False]


def test_what_is_rolled_back_is_nothing(shop, watcher):
    with asked(shop, lambda: shop.product(1), lambda: shop.product(2), lambda: shop.product(3)) as again:
        shop.announced(
            watcher,
            "BEGIN; UPDATE product SET name = 'x' WHERE id = 1; ROLLBACK;"
            "BEGIN; SAVEPOINT a; UPDATE product SET name = 'x' WHERE id = 2; ROLLBACK TO a;"
            "UPDATE product SET name = 'x' WHERE id = 3; COMMIT;",
        )
    assert again == [False, False, True]


def test_an_update_that_changes_nothing_drops_nothing(shop, watcher):
    with asked(shop, lambda: shop.product(1)) as again:
        shop.announced(watcher, "UPDATE product SET name = name")
    assert again == [False]


def test_a_transaction_of_100_000_rows_is_a_few_tags(shop, watcher):
    before = watcher.status.tags
    with asked(shop, shop.products, lambda: shop.product(7), lambda: shop.reviews(7)) as again:
        shop.announced(
            watcher,
            "INSERT INTO product SELECT n, 'new', 1 FROM generate_series(100001, 200000) n",
        )
    assert again == [True, True, False]
    assert watcher.status.tags - before <= 260
    assert watcher.status.rows >= 100_000
    shop.announced(watcher, "DELETE FROM product WHERE id > 100000")


def test_truncate(shop, watcher):
    query = ("SELECT text FROM note WHERE id = 1", ())
    with asked(shop, lambda: shop.query(*query), lambda: shop.product(1)) as again:
        shop.announced(watcher, "TRUNCATE note")
    assert again == [True, False]
    assert shop.query(*query) == []


def test_several_changes_of_one_transaction_are_announced_together(shop, watcher):
    with asked(shop, lambda: shop.product(11), lambda: shop.product(12), lambda: shop.product(13)) as again:
        shop.announced(
            watcher,
            "BEGIN; UPDATE product SET price = 1 WHERE id = 11; UPDATE product SET price = 1 WHERE id = 12; COMMIT",
        )
    assert again == [True, True, False]
