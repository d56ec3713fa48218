"""What a write leaves alone: other rows, other columns, other tables, and what nobody asked about."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import F
from django_reads import filled
from django_shop.models import Category, Label, Product, Review
from django_writes import write


class Asked:
    """Cached reads, and which of them had to be loaded again."""

    def __init__(self, cache, **reads):
        self._cached = {
            name: cache.cached(prefix=name)(self._counted(name, read)) for name, read in reads.items()
        }
        self.loaded = set()
        self()

    def _counted(self, name, read):
        def load():
            self.loaded.add(name)
            return read()

        return load

    def __call__(self):
        self.loaded.clear()
        for cached in self._cached.values():
            cached()
        return set(self.loaded)


@pytest.fixture(autouse=True)
def rows(database):
    filled()


@pytest.fixture
def rows_of_a_and_b(cache):
    return Asked(
        cache,
        a=lambda: Product.objects.get(pk=1).price,
        b=lambda: Product.objects.get(pk=2).price,
        a_by_slug=lambda: Product.objects.get(slug="a").price,
        reviews_of_a=lambda: Review.objects.filter(product_id=1).count(),
        categories=lambda: list(Category.objects.values_list("name")),
    )


def test_a_row_keeps_another(rows_of_a_and_b):
    asked = rows_of_a_and_b
    second = Product.objects.get(pk=2)
    second.price = 99
    second.save()
    assert asked() == {"b"}
    Product.objects.filter(pk=2).update(price=1)
    assert asked() == {"b"}
    write("UPDATE django_shop_product SET price = 5 WHERE slug = 'b'")
    assert asked() == {"b"}
    Product.objects.filter(pk=1).update(price=F("price") + 1)
    assert asked() == {"a", "a_by_slug"}


def test_a_new_row_and_a_deleted_one_keep_the_others(rows_of_a_and_b):
    asked = rows_of_a_and_b
    third = Product.objects.create(slug="n", name="n")
    assert asked() == set()
    third.delete()
    assert asked() == set()
    review = Review.objects.create(product_id=2, stars=1)
    assert asked() == set()
    review.delete()
    assert asked() == set()
    Review.objects.filter(pk=1).delete()
    assert asked() == {"reviews_of_a"}


def test_a_saved_row_moves_out_of_what_it_was_in(cache):
    asked = Asked(
        cache,
        of_1=lambda: Product.objects.filter(category_id=1).count(),
        of_2=lambda: Product.objects.filter(category_id=2).count(),
        of_3=lambda: Product.objects.filter(category_id=3).count(),
    )
    Product.objects.filter(pk=1).update(category_id=2)
    assert asked() == {"of_1", "of_2"}


def test_columns_that_were_not_read_make_no_difference(cache):
    asked = Asked(
        cache,
        name=lambda: Product.objects.only("name").get(pk=1).name,
        price=lambda: Product.objects.values_list("price").get(pk=1),
        both=lambda: list(Product.objects.filter(pk=1).values("name", "price")),
        whole=lambda: Product.objects.get(pk=1).name,
        names=lambda: list(Product.objects.values_list("name", flat=True)),
        there=lambda: Product.objects.filter(pk=1).exists(),
    )
    Product.objects.filter(pk=1).update(stock=5)
    assert asked() == {"whole"}
    Product.objects.filter(pk=1).update(price=5)
    assert asked() == {"price", "both", "whole"}
    product = Product.objects.get(pk=1)
    product.name = "sledge"
    product.save(update_fields=["name"])
    assert asked() == {"name", "both", "whole", "names"}


def test_volatile_columns_drop_nothing_and_bound_the_age(cache):
    asked = Asked(
        cache,
        whole=lambda: Product.objects.get(pk=1).name,
        views=lambda: Product.objects.values_list("views").get(pk=1),
        name=lambda: Product.objects.only("name").get(pk=1).name,
    )
    Product.objects.filter(pk=1).update(views=F("views") + 1)
    assert asked() == set()
    assert cache.explain("views()").expires_in <= 60
    assert cache.explain("whole()").expires_in <= 60
    assert cache.explain("name()").expires_in > 10**6


def test_many_to_many_keeps_other_rows(cache):
    asked = Asked(
        cache,
        of_1=lambda: [each.name for each in Product.objects.get(pk=1).labels.all()],
        of_2=lambda: [each.name for each in Product.objects.get(pk=2).labels.all()],
        products=lambda: [each.pk for each in Label.objects.get(name="old").products.all()],
    )
    Product.objects.get(pk=1).labels.add(2)
    assert asked() == {"of_1", "products"}
    Product.objects.get(pk=1).labels.remove(2)
    assert asked() == {"of_1", "products"}


def test_what_is_read_is_no_write(cache):
    asked = Asked(cache, a=lambda: Product.objects.get(pk=1).name)
    before = cache.stats().invalidations
    list(Product.objects.select_related("category").prefetch_related("labels"))
    Product.objects.get_or_create(slug="a")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_shop_product")
    assert cache.stats().invalidations == before
    assert asked() == set()
