"""`.cached()`: one query, until something that its rows were read from changes."""

from __future__ import annotations

import asyncio
import pickle
import threading

import pytest
from django.db import connection, connections, models, transaction
from django.db.models import Count, F, Prefetch
from django.test.utils import CaptureQueriesContext
from django_reads import filled, row
from django_shop.models import Category, Label, Product, Review

from afresh import Cache, Pool
from afresh.django.fragments import caches
from afresh.django.querysets import CachedManager, CachedQuerySet, cached
from afresh.errors import ConfigurationError
from afresh.testing.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock(1_000.0)


@pytest.fixture
def cache(request, database, clock, monkeypatch, tmp_path):
    memory = getattr(request, "param", "memory") == "memory"
    url = "memory://" if memory else f"sqlite:///{tmp_path / 'cache.sqlite3'}"
    options = {"pools": {"rows": Pool(prefix="rows:")}} if memory else {"l1": None}
    with Cache(url, clock=clock, **options) as opened:
        monkeypatch.setattr(caches, "project_cache", lambda: opened)
        filled()
        yield opened


def queries(act):
    """How many queries an act sends, and what it gives."""
    with CaptureQueriesContext(connection) as sent:
        found = act()
    return len(sent), found


ASKS = {
    "all": lambda shelf: [row(each) for each in shelf.order_by("pk")],
    "a relation": lambda shelf: [
        each.category.name for each in shelf.select_related("category").order_by("pk")
    ],
    "get": lambda shelf: row(shelf.get(slug="a")),
    "first": lambda shelf: row(shelf.order_by("pk").first()),
    "count": lambda shelf: shelf.count(),
    "exists": lambda shelf: shelf.exists(),
    "values": lambda shelf: list(shelf.order_by("pk").values("name", "price")),
    "values_list": lambda shelf: list(shelf.order_by("pk").values_list("name", flat=True)),
    "a filter more": lambda shelf: [each.name for each in shelf.filter(slug="b")],
    "a slice": lambda shelf: [each.name for each in shelf.order_by("pk")[:1]],
    "in_bulk": lambda shelf: sorted(shelf.in_bulk([1, 2])),
    "annotate": lambda shelf: list(
        shelf.annotate(n=Count("reviews")).order_by("pk").values_list("n", flat=True)
    ),
    "len": lambda shelf: len(shelf.all()),
    "a union": lambda shelf: sorted(each.name for each in shelf.union(Product.objects.filter(pk=3))),
    "async for": lambda shelf: asyncio.run(in_loop(shelf)),
}


async def in_loop(shelf):
    return [each.name async for each in shelf.order_by("pk")]


@pytest.mark.parametrize("cache", ["memory", "file without memory"], indirect=True)
@pytest.mark.parametrize("ask", ASKS)
def test_what_is_made_of_it_is_kept(cache, ask):
    plain = Product.objects.filter(category=1)
    sent, expected = queries(lambda: ASKS[ask](plain))
    if ask != "async for":  # its queries are another thread's
        assert sent == 1
    assert ASKS[ask](cached(plain)) == expected
    assert queries(lambda: ASKS[ask](cached(plain))) == (0, expected)
    if ask != "async for":
        assert queries(lambda: ASKS[ask](plain))[0] == 1


@pytest.mark.parametrize("ask", ["all", "count", "exists", "values", "a relation"])
def test_writes_drop_it(cache, ask):
    shelf = Product.objects.filter(category=1)

    def agrees():
        return ASKS[ask](cached(shelf)) == ASKS[ask](shelf)

    assert agrees()
    Product.objects.filter(slug="b").update(name="handsaw", price=7)
    assert agrees()
    Category.objects.filter(pk=1).update(name="old tools")
    assert agrees()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_shop_product SET category_id = 2 WHERE slug = 'a'")
    assert agrees()
    Product.objects.filter(category=1).delete()
    assert agrees()


def test_other_writes_do_not(cache):
    shelf = cached(Product.objects.filter(category=1).values_list("name", flat=True))
    list(shelf.all())
    Product.objects.filter(slug="c").update(price=5)
    Review.objects.all().delete()
    assert queries(lambda: sorted(shelf.all())) == (0, ["hammer", "saw"])


def test_each_gets_objects_of_his_own(cache):
    def first():
        return cached(Product.objects.filter(pk=1)).get()

    first().name = "changed"
    assert first().name == "hammer"
    assert first() is not first()


def test_its_age(cache, clock):
    shelf = cached(Category.objects.filter(pk=1), ttl="1m")
    list(shelf.all())
    assert queries(lambda: len(shelf.all()))[0] == 0
    clock.advance(61)
    assert queries(lambda: len(shelf.all()))[0] == 1
    with pytest.raises(ConfigurationError, match="ttl"):
        list(cached(Category.objects.all(), ttl="soon"))


def test_what_is_not_kept(cache):
    shelf = cached(Product.objects.filter(category=1))
    for _ in range(2):
        assert queries(lambda: len(list(shelf.iterator())))[0] == 1
        assert queries(lambda: list(cached(Product.objects.none())))[0] == 0
        assert queries(lambda: list(cached(Product.objects.filter(pk__in=[]))))[0] == 0
        with transaction.atomic():
            assert queries(lambda: len(shelf.select_for_update()))[0] == 1


def test_writing_by_it_writes(cache):
    shelf = cached(Product.objects.filter(category=1))
    assert len(shelf) == 2
    assert cached(Product.objects.filter(category=1)).update(price=F("price") + 1) == 2
    assert cached(Product.objects.filter(category=1)).delete()[0] > 0
    assert list(cached(Product.objects.filter(category=1))) == []


def test_in_a_transaction_that_has_written_it_is_read(cache):
    shelf = cached(Product.objects.filter(category=1).values_list("name", flat=True).order_by("pk"))
    list(shelf.all())
    with transaction.atomic():
        Product.objects.filter(slug="a").update(name="mallet")
        assert list(shelf.all()) == ["mallet", "saw"]
        transaction.set_rollback(True)
    assert list(shelf.all()) == ["hammer", "saw"]


def test_prefetched_rows_are_kept_where_they_say_so(cache):
    labels = Prefetch("labels", queryset=cached(Label.objects.all()))

    def page():
        return [
            [each.name for each in p.labels.all()]
            for p in cached(Product.objects.filter(pk=1)).prefetch_related(labels)
        ]

    assert page() == [["new"]]
    assert queries(page) == (0, [["new"]])
    Label.objects.filter(pk=1).update(name="newer")
    assert page() == [["newer"]]


def test_databases_keep_to_themselves(cache):
    Product.objects.using("other").create(pk=1, slug="a", name="other hammer")
    for _ in range(2):
        assert cached(Product.objects.filter(pk=1)).get().name == "hammer"
        assert cached(Product.objects.using("other").filter(pk=1)).get().name == "other hammer"
    Product.objects.using("other").update(name="other")
    assert cached(Product.objects.using("other").filter(pk=1)).get().name == "other"


def test_one_query_for_many_threads(cache):
    barrier, sent = threading.Barrier(8), []

    def ask():
        barrier.wait()
        try:
            with CaptureQueriesContext(connection) as mine:
                assert len(cached(Product.objects.filter(category=1))) == 2
            sent.append(len(mine))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == 1


def test_managers_and_mixins(cache):
    class Own(CachedQuerySet):
        def tools(self):
            return self.filter(category=1)

    assert isinstance(CachedManager(), models.Manager)
    shelf = Own(Product).tools()
    assert len(shelf.cached()) == len(shelf) == 2
    assert queries(lambda: len(Own(Product).tools().cached()))[0] == 0
    assert queries(lambda: len(cached(Product.objects)))[0] == 1


def test_using_a_pool(cache):
    shelf = cached(Category.objects.filter(pk=1), using="rows")
    for _ in range(2):
        list(shelf.all())
    assert cache.pool("rows").stats().hits == 1
    with pytest.raises(ConfigurationError, match="no pool"):
        list(cached(Category.objects.all(), using="nowhere"))


@pytest.mark.parametrize("given", [7, [], Product])
def test_what_is_no_queryset(given):
    with pytest.raises(ConfigurationError, match="give a queryset"):
        cached(given)


def test_it_can_be_pickled(cache):
    shelf = cached(Product.objects.filter(category=1).order_by("pk"))
    query = pickle.loads(pickle.dumps(shelf.query))
    again = Product.objects.all()
    again.query = query
    assert [each.name for each in again] == ["hammer", "saw"]
    assert queries(lambda: len(again.all()))[0] == 0
