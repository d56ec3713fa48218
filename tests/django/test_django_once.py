"""Identical queries of one request are answered once, where the middleware is there; objects are nobody else's."""

from __future__ import annotations

import asyncio
import threading

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections, transaction
from django.http import HttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django_reads import READS, filled, sql
from django_shop.models import Product, Review
from django_writes import WRITES, taken_back, write

from afresh.db import answered_once
from afresh.django.once import answered_once_per_request


@pytest.fixture(autouse=True)
def rows(database):
    filled()


class Sent:
    """Statements that reach the database."""

    def __init__(self):
        self.count = 0

    def __call__(self, execute, *given):
        self.count += 1
        return execute(*given)


@pytest.fixture
def sent():
    sent = Sent()
    with connection.execute_wrapper(sent):
        yield sent


def elsewhere(do):
    """In a thread with a connection of its own."""
    thread = threading.Thread(target=lambda: (do(), connections.close_all()))
    thread.start()
    thread.join()


def get(view):
    return answered_once_per_request(view)(RequestFactory().get("/"))


def test_one_request(sent):
    def view(request):
        names = [Product.objects.get(pk=1).name for _ in range(3)]
        names += [each.name for each in Product.objects.filter(pk=1)]
        return HttpResponse(",".join(names))

    assert get(view).content == b"hammer,hammer,hammer,hammer"
    assert sent.count == 2  # get() asks with a LIMIT
    get(view)
    assert sent.count == 4


def test_objects_are_made_anew(sent):
    with answered_once():
        first = Product.objects.get(pk=1)
        first.name = "mine"
        assert Product.objects.get(pk=1).name == "hammer"
        assert sent.count == 1


def test_every_read_gives_the_same_again():
    with answered_once(max_age="1h"):
        first = {name: read() for name, read in READS.items()}
        for _ in range(2):
            assert {name: read() for name, read in READS.items()} == first


@pytest.mark.parametrize(
    "how", ["save", "update by a join", "bulk_update", "create", "delete, with cascades", "m2m set", "raw update", "nested"]
)  # fmt: skip
def test_after_a_write_every_read_is_true(how):
    with answered_once(max_age="1h") as memo:
        for read in READS.values():
            read()
            read()
        assert memo.hits > 40
        WRITES[how]()
        for read in READS.values():
            found = read()
            with answered_once(False):
                assert found == read()


def test_transactions(sent):
    with answered_once():
        Product.objects.get(pk=1)
        with transaction.atomic():
            Product.objects.get(pk=1), Product.objects.get(pk=1)
            assert sent.count <= 3  # BEGIN is one, in some databases
            with taken_back():
                Product.objects.filter(pk=1).update(name="undone")
                assert Product.objects.get(pk=1).name == "undone"
            assert Product.objects.get(pk=1).name == "hammer"
            Product.objects.filter(pk=1).update(name="kept")
        assert Product.objects.get(pk=1).name == "kept"


def test_rows_that_are_locked_are_asked_for(sent, database):
    with answered_once(), transaction.atomic():
        Product.objects.select_for_update().get(pk=1)
        before = sent.count
        Product.objects.select_for_update().get(pk=1)
        assert sent.count == before + (database == "postgresql")


def test_what_others_announce(cache):
    with answered_once(max_age="1h"):
        assert Product.objects.get(pk=1).name == "hammer"
        elsewhere(lambda: Product.objects.filter(pk=1).update(name="new"))
        assert Product.objects.get(pk=1).name == "new"


def test_iterators_and_raw_cursors(sent):
    with answered_once():
        for _ in range(2):
            assert [each.pk for each in Product.objects.order_by("pk").iterator(chunk_size=1)] == [1, 2, 3, 9]
        Review.objects.all().delete()
        assert list(Review.objects.all()) == []
        for _ in range(2):
            with connection.cursor() as cursor:
                cursor.execute("SELECT name, stock FROM django_shop_product WHERE id = %s", [1])
                assert [column[0] for column in cursor.description] == ["name", "stock"]
                assert cursor.fetchone() == ("hammer", 1)
                assert cursor.fetchone() is None


def test_scripts_and_other_people_s_statements(database):
    if database != "sqlite3":
        return
    with answered_once():
        assert sql("SELECT name FROM django_shop_product WHERE id = 1") == [("hammer",)]
        with connection.cursor() as cursor:
            cursor.executescript("UPDATE django_shop_product SET name = 'script'; SELECT 1;")
        assert sql("SELECT name FROM django_shop_product WHERE id = 1") == [("script",)]


def test_the_log_of_queries_still_has_them():
    with answered_once(), CaptureQueriesContext(connection) as queries:
        Product.objects.get(pk=1), Product.objects.get(pk=1)
    assert len(queries) == 2


def test_many_rows(sent):
    Review.objects.bulk_create(Review(product_id=1, stars=n) for n in range(1_100))
    with answered_once():
        for _ in range(2):
            assert len(list(Review.objects.all())) == 1_103


def test_two_databases(sent):
    with answered_once():
        assert Product.objects.using("other").count() == 0
        assert Product.objects.count() == 4
        Product.objects.using("other").create(slug="x", name="x")
        assert Product.objects.using("other").count() == 1
        assert Product.objects.count() == 4
    write("SELECT 1")


def test_asynchronous_requests():
    async def view(request):
        names = [(await Product.objects.aget(pk=1)).name for _ in range(2)]
        await Product.objects.filter(pk=1).aupdate(name="later")
        names.append((await Product.objects.aget(pk=1)).name)
        return HttpResponse(",".join(names))

    async def main():
        sent = Sent()
        put = await sync_to_async(lambda: connection.execute_wrappers.append(sent))()
        assert put is None
        response = await answered_once_per_request(view)(RequestFactory().get("/"))
        return response.content, sent.count

    content, count = asyncio.run(main())
    assert content == b"hammer,hammer,later"
    assert count == 3


def test_it_is_a_middleware():
    assert answered_once_per_request.sync_capable
    assert answered_once_per_request.async_capable
