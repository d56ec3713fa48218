"""Random pages, visitors and writes: what is shown is what the same templates show without their tags."""

from __future__ import annotations

import random
import re

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import RequestFactory
from django_shop.models import Category, Label, Product, Review

from afresh.django.pages import middleware, options
from sizes import seed, size

pytestmark = pytest.mark.parametrize("engine", ["sqlite3"], indirect=True)

TEMPLATES = {
    "page": """{% afresh "head" %}{{ title }} of {{ category.name }}{% endafresh %}
{% afresh "shelf" category.pk %}{% for p in products %}{% include "card" %}{% endfor %}{% endafresh %}
{% for p in listed %}{% afresh "row" p.pk %}{{ p.name }} {{ p.category.name }} {{ p.labels.all.0.name }}{% endafresh %};{% endfor %}
{% afresh "names" category.pk names %}{{ names|join:"," }}{% endafresh %}
{% afresh "hello" %}hello {{ user.name }}, theme {{ request.COOKIES.theme }}{% endafresh %}
{% afresh "menu" %}{% for c in categories %}{{ c.name }} {% endfor %}{% uncached %}for {{ user.name }}{% enduncached %}{% endafresh %}
{% afresh "stars" product.pk %}{{ product.name }}: {% for r in product.reviews.all %}{{ r.stars }}{% endfor %}{% endafresh %}
{% afresh "count" %}{{ count }}{% endafresh %} {% afresh "path" %}{{ request.path }}{% endafresh %}""",
    "card": '{% afresh "card" p.pk %}{{ p.name }} {{ p.price }} {{ p.category.name }}{% endafresh %},',
}
PLAIN = {name: re.sub(r"\{% (end)?(afresh|uncached).*?%\}", "", text) for name, text in TEMPLATES.items()}


class User:
    """A visitor, read from a table before the template asks."""

    def __init__(self, request):
        self.name = Label.objects.get(pk=int(request.COOKIES["who"])).name


def values(request):
    """What a view reads, in several ways."""
    number = int(request.path.strip("/"))
    category = Category.objects.get(pk=number)
    products = Product.objects.filter(category=category).order_by("pk")
    return {
        "request": request,
        "user": User(request),
        "title": f"category {number}",
        "category": category,
        "products": products,
        "listed": list(products.select_related("category").prefetch_related("labels")),
        "names": list(Product.objects.order_by("pk").values_list("name", flat=True)[:number]),
        "categories": Category.objects.order_by("pk"),
        "product": Product.objects.order_by("pk").first(),
        "count": Review.objects.filter(product__category=category).count(),
    }


class Writer:
    """Changes something, in one of Django's ways."""

    def __init__(self, chance):
        self.chance = chance
        self.number = 0

    def __call__(self):
        self.number += 1
        self.chance.choice(
            [self.rename, self.move, self.raw, self.bulk, self.label, self.review, self.undone, self.category]
        )()

    def product(self):
        return Product.objects.order_by("?").first()

    def rename(self):
        product = self.product()
        product.name = f"n{self.number}"
        product.save()

    def move(self):
        Product.objects.filter(pk=self.product().pk).update(
            category=self.chance.choice([1, 2]), price=self.number
        )

    def raw(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE django_shop_product SET name = %s WHERE id = %s",
                [f"r{self.number}", self.product().pk],
            )

    def bulk(self):
        products = list(Product.objects.all()[:2])
        for each in products:
            each.name = f"b{self.number}"
        Product.objects.bulk_update(products, ["name"])

    def label(self):
        label = Label.objects.order_by("?").first()
        self.product().labels.set([label])
        Label.objects.filter(pk=label.pk).update(name=f"l{self.number}")

    def review(self):
        if self.chance.random() < 0.5:
            Review.objects.create(product=self.product(), stars=self.number % 5)
        else:
            Review.objects.order_by("?")[:1].get().delete() if Review.objects.exists() else None

    def undone(self):
        with transaction.atomic():
            Product.objects.update(name="undone")
            transaction.set_rollback(True)

    def category(self):
        Category.objects.filter(pk=self.chance.choice([1, 2])).update(name=f"c{self.number}")


@pytest.mark.parametrize("auto", [None, 60], ids=["pages are not kept", "pages are kept"])
def test_random_pages_and_writes(counted, cache, rows, monkeypatch, auto):
    monkeypatch.setattr(settings, "AFRESH", {**settings.AFRESH, "AUTO": auto})
    for module in (options, middleware):
        monkeypatch.setattr(module, "project_cache", lambda: cache)
    counted.templates |= TEMPLATES
    plain = type(counted)(cache)
    plain.templates |= PLAIN
    served = middleware.Middleware(lambda request: HttpResponse(counted(name="page", **values(request))))
    chance = random.Random(seed())
    write = Writer(chance)
    for step in range(size(80, 800)):
        request = RequestFactory().get(
            f"/{chance.choice([1, 2])}/",
            headers={"cookie": f"who={chance.choice([1, 2])}; theme={chance.choice('ab')}"},
        )
        shown = served(request).content.decode()
        fresh = RequestFactory().get(request.path, headers={"cookie": request.META["HTTP_COOKIE"]})
        assert shown == plain(name="page", **values(fresh)), f"step {step} of AFRESH_SEED={seed()}"
        if chance.random() < 0.4:
            write()
    hits = {site.name: site.hits for site in cache.stats().sites if site.name.startswith("fragment:")}
    assert all(
        hits[f"fragment:{name}"]
        for name in ("head", "shelf", "card", "row", "names", "hello", "menu", "stars", "path")
    ), hits
    assert [reason for key, reason in cache._engine.refusals.items() if "fragment:" in key] == []
