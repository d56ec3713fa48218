"""`cache_page`: what it says to our middleware, and what it says to nobody else."""

from __future__ import annotations

import asyncio

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django_shop.models import Product

from afresh.django.pages import middleware, options
from afresh.django.views import cache_page
from afresh.errors import ConfigurationError

pytestmark = pytest.mark.parametrize("engine", ["sqlite3"], indirect=True)


class Shop:
    """A view, behind the middleware, which keeps nothing that doesn't say so."""

    def __init__(self):
        self.runs = 0

    def names(self):
        self.runs += 1
        return " ".join(Product.objects.order_by("pk").values_list("name", flat=True))

    def view(self, request, *, status=200):
        return HttpResponse(self.names(), status=status)

    def asks(self, view):
        """Asks twice; gives how often the view ran, and the last response."""
        self.runs = 0
        for _ in range(2):
            made = middleware.Middleware(view)(RequestFactory().get("/"))
            response = asyncio.run(made) if asyncio.iscoroutine(made) else made
        return self.runs, response


@pytest.fixture
def shop(cache, monkeypatch):
    monkeypatch.setattr(settings, "AFRESH", {**settings.AFRESH, "AUTO": None})
    for module in (options, middleware):
        monkeypatch.setattr(module, "project_cache", lambda: cache)
    return Shop()


def test_its_pages_are_kept_for_so_long(shop, clock):
    view = cache_page("15m")(lambda request: shop.view(request))
    assert shop.asks(shop.view)[0] == 2
    assert shop.asks(view)[0] == 1
    assert shop.asks(view)[0] == 0
    clock.advance(901)
    assert shop.asks(view)[0] == 1


def test_a_write_drops_them(shop, rows):
    view = cache_page(None)(lambda request: shop.view(request))
    assert shop.asks(view)[1].content.startswith(b"hammer")
    Product.objects.filter(pk=1).update(name="mallet")
    runs, response = shop.asks(view)
    assert (runs, response.content[:6]) == (1, b"mallet")


def test_browsers_are_told_nothing(shop):
    _, response = shop.asks(cache_page(900)(lambda request: shop.view(request)))
    assert "max-age" not in response.get("Cache-Control", "")
    assert "Expires" not in response


def test_coroutines(shop):
    @cache_page(900)
    async def view(request):
        from asgiref.sync import sync_to_async

        return await sync_to_async(shop.view)(request)

    assert shop.asks(view)[0] == 1


def test_classes(shop):
    @method_decorator(cache_page(900), name="dispatch")
    class Shelf(View):
        def get(self, request):
            return shop.view(request)

    assert shop.asks(Shelf.as_view())[0] == 1


def test_what_is_rendered_later(shop):
    """As Django does it: a template is rendered when the view has returned."""

    def view(request):
        template = engines["django"].from_string("{{ shop.names }}")
        return cache_page(900)(lambda request: TemplateResponse(request, template, {"shop": shop}))(
            request
        ).render()

    assert shop.asks(view)[0] == 1


@pytest.mark.parametrize("status", [500, 403, 302])
def test_errors_are_not_kept(shop, status):
    assert shop.asks(cache_page(900)(lambda request: shop.view(request, status=status)))[0] == 2


def test_what_a_view_says_itself_counts(shop):
    assert shop.asks(cache_page(900)(never_cache(lambda request: shop.view(request))))[0] == 2


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"timeout": "soon"}, "timeout"),
        ({"timeout": lambda request: None}, "needs a timeout"),
        ({"timeout": 9, "cache": "other"}, "AFRESH"),
        ({"timeout": 9, "key_prefix": "a"}, "leave it out"),
    ],
)
def test_what_is_not_taken(engine, given, advice):
    with pytest.raises(ConfigurationError, match=advice):
        cache_page(**given)


def test_without_the_middleware(engine, monkeypatch):
    monkeypatch.setattr(settings, "MIDDLEWARE", [])
    with pytest.raises(ImproperlyConfigured, match="first in MIDDLEWARE"):
        cache_page(9)(lambda request: None)(RequestFactory().get("/"))
