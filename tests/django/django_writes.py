"""What views, commands and migrations do to the shop's database, in all the ways in which Django lets them."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Case, F, Q, Value, When
from django_reads import sql
from django_shop.models import Book, Category, Label, Product, Review


def _set(model, pk, fields=None, **values):
    instance = model.objects.get(pk=pk)
    for name, value in values.items():
        setattr(instance, name, value)
    instance.save(update_fields=fields)


def _bulk_update():
    found = list(Product.objects.order_by("pk"))
    for each in found:
        each.name, each.price = each.name.upper(), each.price + 5
    Product.objects.bulk_update(found, ["name", "price"])


def _bulk_create(*slugs, **options):
    """A wrong SQL for one database would be another test's business: all rows are given whole."""
    Product.objects.bulk_create(
        [Product(slug=each, name="bulk", category_id=1, stock=7) for each in slugs], **options
    )


def write(text, parameters=None, *, many=False):
    with connection.cursor() as cursor:
        (cursor.executemany if many else cursor.execute)(text, parameters)


class Undone(Exception):
    """What `taken_back` ends its block by."""


@contextmanager
def taken_back():
    """A block whose writes are rolled back."""
    with suppress(Undone), transaction.atomic():
        yield
        raise Undone


def _rolled_back_in_part():
    with transaction.atomic():
        Product.objects.filter(pk=1).update(name="kept")
        with taken_back():
            Product.objects.filter(pk=2).update(name="undone")


def _nested():
    with transaction.atomic():
        with transaction.atomic():
            Product.objects.filter(pk=2).update(name="inner")
        with transaction.atomic(savepoint=False):
            Review.objects.filter(pk=1).delete()


def _iterated():
    Product.objects.bulk_create(
        (Product(slug=f"i{n}", name="iterated", category_id=1) for n in range(3)), batch_size=2
    )


WRITES = {
    "save": lambda: _set(Product, 1, name="sledge", price=Decimal(12)),
    "save of a foreign key": lambda: _set(Product, 1, category_id=2),
    "save of some fields": lambda: _set(Product, 1, ["name"], name="sledge"),
    "save of another row": lambda: _set(Product, 3, stock=0, state=Product.State.DRAFT),
    "create": lambda: Product.objects.create(slug="n", name="new hammer", category_id=1, stock=9),
    "create a child": lambda: Review.objects.create(product_id=1, stars=5),
    "create one that takes part by its parent": lambda: Book.objects.create(slug="n", name="manual", isbn="2"),
    "save of one that has a parent": lambda: _set(Book, 9, name="guide"),
    "update": lambda: Product.objects.filter(pk=1).update(name="sledge", category=2),
    "update of all": lambda: Product.objects.update(price=Decimal(7)),
    "update by a join": lambda: Product.objects.filter(category__name="tools").update(stock=0),
    "update by many to many": lambda: Product.objects.filter(labels__name="new").update(name="x"),
    "F": lambda: Product.objects.filter(pk=2).update(stock=F("stock") + 1, price=F("price") * 2),
    "F in save": lambda: _set(Product, 2, stock=F("stock") + 4),
    "case": lambda: Product.objects.update(name=Case(When(pk=1, then=Value("one")), default=Value("many"))),
    "bulk_update": _bulk_update,
    "bulk_create": lambda: _bulk_create("x", "y"),
    "bulk_create of an iterator": _iterated,
    "bulk_create that ignores": lambda: _bulk_create("a", "z", ignore_conflicts=True),
    "bulk_create that updates": lambda: _bulk_create(
        "a", "z", update_conflicts=True, unique_fields=["slug"], update_fields=["name", "category_id"]
    ),
    "get_or_create": lambda: Product.objects.get_or_create(slug="g", defaults={"name": "hammer", "category_id": 1}),
    "get_or_create of what is there": lambda: Product.objects.get_or_create(slug="a"),
    "update_or_create": lambda: Product.objects.update_or_create(slug="a", defaults={"name": "sledge"}),
    "delete": lambda: Review.objects.get(pk=1).delete(),
    "delete, with cascades": lambda: Category.objects.get(pk=1).delete(),
    "delete of a query": lambda: Product.objects.filter(price__gt=5).delete(),
    "delete of a query by a join": lambda: Review.objects.filter(product__slug="a").delete(),
    "delete of all": lambda: Review.objects.all().delete(),
    "_raw_delete": lambda: Review.objects.filter(stars=5)._raw_delete("default"),
    "m2m add": lambda: Product.objects.get(pk=3).labels.add(1, 2),
    "m2m add from the other side": lambda: Label.objects.get(pk=1).products.add(2),
    "m2m remove": lambda: Product.objects.get(pk=1).labels.remove(1),
    "m2m set": lambda: Product.objects.get(pk=1).labels.set([2]),
    "m2m clear": lambda: Label.objects.get(pk=1).products.clear(),
    "m2m create": lambda: Product.objects.get(pk=1).labels.create(name="fresh"),
    "reverse set": lambda: Category.objects.get(pk=2).products.set(Product.objects.filter(Q(pk=1) | Q(pk=3))),
    "raw update": lambda: write("UPDATE django_shop_product SET name = 'raw' WHERE slug = %s", ["a"]),
    "raw update of all": lambda: write("UPDATE django_shop_product SET name = 'raw'"),
    "raw update by name": lambda: write(
        "UPDATE django_shop_product SET name = %(name)s WHERE id = %(id)s", {"name": "raw", "id": 1}
    ),
    "raw insert": lambda: write("INSERT INTO django_shop_review (product_id, stars, text) VALUES (1, 1, '')"),
    "raw delete": lambda: write("DELETE FROM django_shop_review WHERE product_id IN (SELECT id FROM django_shop_product)"),
    "executemany": lambda: write(
        "UPDATE django_shop_product SET name = %s WHERE id = %s", [("one", 1), ("two", 2)], many=True
    ),
    "executemany of an iterator": lambda: write(
        "UPDATE django_shop_product SET name = %s WHERE id = %s", iter([("one", 1), ("two", 2)]), many=True
    ),
    "returning": lambda: sql("UPDATE django_shop_product SET stock = stock + 1 WHERE id = 1 RETURNING stock"),
    "rolled back in part": _rolled_back_in_part,
    "nested": _nested,
}  # fmt: skip
