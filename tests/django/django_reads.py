"""What views ask of the shop's database, in all the ways in which Django lets them."""

from __future__ import annotations

import threading
from decimal import Decimal

from django.core.management.color import no_style
from django.db import connection, connections
from django.db.models import Count, Exists, F, Max, OuterRef, Prefetch, Q, Subquery, Sum, Value, Window
from django.db.models.functions import Coalesce, Lower, Rank
from django_shop.models import Book, Category, Label, Product, Review


def elsewhere(function):
    """Run something in another thread, which has a connection of its own."""
    found = []

    def run():
        try:
            found.append(function())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def row(instance):
    """All of a row that is equal to another."""
    return (
        None
        if instance is None
        else {field.attname: getattr(instance, field.attname) for field in instance._meta.concrete_fields}
    )


def rows(queryset):
    return [row(each) for each in queryset.order_by("pk")]


def sql(text, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        return cursor.fetchall()


READS = {
    "get": lambda: row(Product.objects.filter(pk=1).first()),
    "get by a unique column": lambda: row(Product.objects.filter(slug="a").first()),
    "filter": lambda: rows(Product.objects.filter(category_id=1)),
    "filter by a join": lambda: rows(Product.objects.filter(category__name="tools")),
    "filter by many to many": lambda: rows(Product.objects.filter(labels__name="new")),
    "related rows": lambda: rows(Review.objects.filter(product__slug="a")),
    "in": lambda: rows(Product.objects.filter(pk__in=[1, 2])),
    "in a query": lambda: rows(Product.objects.filter(category__in=Category.objects.filter(name="tools"))),
    "range": lambda: rows(Product.objects.filter(price__gte=5, price__lt=50)),
    "exclude": lambda: rows(Product.objects.exclude(reviews__stars=5)),
    "or": lambda: rows(Product.objects.filter(Q(pk=1) | Q(slug="b"))),
    "null": lambda: rows(Product.objects.filter(category=None)),
    "like": lambda: rows(Product.objects.filter(name__icontains="ham")),
    "choices": lambda: rows(Product.objects.filter(state=Product.State.LISTED)),
    "all": lambda: rows(Product.objects.all()),
    "values": lambda: list(Product.objects.filter(pk=1).values("name", "price")),
    "values_list": lambda: list(Product.objects.order_by("pk").values_list("name", flat=True)),
    "only": lambda: [each.name for each in Product.objects.only("name").filter(pk=1)],
    "defer": lambda: [each.name for each in Product.objects.defer("price").filter(pk=1)],
    "exists": lambda: Product.objects.filter(slug="c").exists(),
    "count": lambda: Product.objects.filter(category_id=1).count(),
    "count of all": lambda: Review.objects.count(),
    "aggregate": lambda: Review.objects.filter(product_id=1).aggregate(Sum("stars"), Max("stars")),
    "annotate": lambda: list(Product.objects.annotate(n=Count("reviews")).order_by("pk").values("pk", "n")),
    "annotate of a filter": lambda: list(
        Category.objects.annotate(n=Count("products", filter=Q(products__stock__gt=0))).order_by("pk").values("n")
    ),
    "select_related": lambda: [
        (each.name, each.category and each.category.name)
        for each in Product.objects.select_related("category").order_by("pk")
    ],
    "prefetch_related": lambda: [
        (each.name, sorted(label.name for label in each.labels.all()))
        for each in Product.objects.prefetch_related("labels").order_by("pk")
    ],
    "prefetch of a queryset": lambda: [
        [review.stars for review in each.good]
        for each in Product.objects.order_by("pk").prefetch_related(
            Prefetch("reviews", Review.objects.filter(stars__gte=4).order_by("pk"), to_attr="good")
        )
    ],
    "iterator": lambda: [each.price for each in Product.objects.order_by("pk").iterator(chunk_size=1)],
    "in_bulk": lambda: sorted(Product.objects.in_bulk([1, 3])),
    "slice": lambda: [each.pk for each in Product.objects.order_by("-price", "pk")[:2]],
    "first": lambda: row(Product.objects.order_by("-stock", "pk").first()),
    "exists in a query": lambda: rows(
        Product.objects.filter(Exists(Review.objects.filter(product=OuterRef("pk"), stars=5)))
    ),
    "subquery": lambda: list(
        Product.objects.annotate(
            best=Subquery(Review.objects.filter(product=OuterRef("pk")).order_by("-stars").values("stars")[:1])
        ).order_by("pk").values_list("best", flat=True)
    ),
    "expression": lambda: list(
        Product.objects.annotate(worth=F("price") * F("stock")).order_by("pk").values_list("worth", flat=True)
    ),
    "function": lambda: list(Label.objects.annotate(low=Lower("name")).order_by("pk").values_list("low", flat=True)),
    "coalesce": lambda: list(
        Product.objects.order_by("pk").values_list(Coalesce("category__name", Value("none")), flat=True)
    ),
    "window": lambda: list(
        Product.objects.annotate(rank=Window(Rank(), order_by="stock")).order_by("pk").values_list("rank", flat=True)
    ),
    "union": lambda: sorted(
        Product.objects.filter(pk=1).values_list("name").union(Label.objects.values_list("name"))
    ),
    "distinct": lambda: sorted(Product.objects.values_list("state", flat=True).distinct()),
    "self join": lambda: rows(Category.objects.filter(parent__name="tools")),
    "inherited": lambda: rows(Book.objects.all()),
    "inherited by a column of the parent": lambda: rows(Book.objects.filter(name="manual")),
    "raw": lambda: [each.name for each in Product.objects.raw("SELECT * FROM django_shop_product WHERE id = %s", [1])],
    "cursor": lambda: sql("SELECT name FROM django_shop_product WHERE slug = %s", ["a"]),
    "cursor, by name": lambda: sql("SELECT name FROM django_shop_product WHERE id = %(id)s", {"id": 1}),
    "cursor, no parameters": lambda: sql("SELECT count(*) FROM django_shop_review WHERE stars %2 = 1"),
    "cursor, with a CTE": lambda: sql(
        "WITH best AS (SELECT product_id, max(stars) AS stars FROM django_shop_review GROUP BY product_id) "
        "SELECT p.name, best.stars FROM django_shop_product p JOIN best ON best.product_id = p.id ORDER BY p.id"
    ),
}  # fmt: skip


def filled():
    """Some rows of each table."""
    tools = Category.objects.create(pk=1, name="tools")
    Category.objects.create(pk=2, name="saws", parent=tools)
    for pk, (slug, name, price) in enumerate([("a", "hammer", 10), ("b", "saw", 20), ("c", "nail", 1)], 1):
        category = tools if pk < 3 else None
        Product.objects.create(pk=pk, slug=slug, name=name, price=Decimal(price), stock=pk, category=category)
    Book.objects.create(pk=9, slug="m", name="manual", price=Decimal(30), isbn="1", category_id=2)
    for pk, name in enumerate(["new", "old"], 1):
        Label.objects.create(pk=pk, name=name).products.add(pk)
    for pk, (product, stars) in enumerate([(1, 5), (1, 3), (2, 4)], 1):
        Review.objects.create(pk=pk, product_id=product, stars=stars)
    for each in connection.ops.sequence_reset_sql(no_style(), [Category, Product, Label, Review]):
        sql(each)
