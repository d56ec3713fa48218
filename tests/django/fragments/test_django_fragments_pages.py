"""Fragments in pages that `afresh.django.Middleware` keeps, for several visitors and in several pages."""

from __future__ import annotations

import random

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import RequestFactory
from django_shop.models import Product

from afresh import Cache
from afresh.django.fragments import caches
from afresh.django.pages import options
from afresh.django.pages.middleware import Middleware
from afresh.testing.servers import RedisServer
from sizes import seed, size

pytestmark = pytest.mark.parametrize("engine", ["sqlite3"], indirect=True)


class User:
    """Somebody, as Django's middleware puts him at a request: found before the template asks."""

    def __init__(self, request):
        self.name = request.COOKIES.get("who", "nobody")

    def __str__(self):
        return self.name


TEMPLATES = {
    "a cookie": "{{ request.COOKIES.who }}",
    "the user": "{{ user }}",
    "a variable of the view's": "{{ who }}",
    "a header": "{{ request.headers.x_who }}",
    "meta": "{{ request.META.HTTP_X_WHO }}",
    "in a template": "{% include 'part' %}",
    "in a fragment": "{% afresh inner %}{{ user }}{% endafresh %}",
}


@pytest.fixture(params=[None, 60], ids=["pages are not kept", "pages are kept"])
def ask(request, counted, cache, monkeypatch, settings_of):
    """Asks for a page with a fragment."""
    settings_of(AUTO=request.param)
    monkeypatch.setattr(options, "project_cache", lambda: cache)
    counted.templates["part"] = "{{ user }}"

    def view(request):
        values = {"who": request.COOKIES.get("who"), "user": User(request)}
        return HttpResponse(counted(request._text, request=request, **values))

    middleware = Middleware(view)

    def ask(text, who, path="/"):
        asked = RequestFactory().get(path, headers={"x-who": who, "cookie": f"who={who}"})
        asked._text = text
        return middleware(asked).content.decode()

    return ask


@pytest.fixture
def settings_of(monkeypatch):
    def change(**more):
        monkeypatch.setattr(settings, "AFRESH", {**settings.AFRESH, **more})

    return change


@pytest.mark.parametrize("shown", TEMPLATES)
def test_each_visitor_sees_his_own(counted, ask, shown):
    text = f"{counted.kept('hello', TEMPLATES[shown])}"
    chance = random.Random(seed())
    for _ in range(size(30, 1_000)):
        who = chance.choice(["ann", "bob", "cleo"])
        assert ask(text, who, chance.choice(["/", "/other"])) == who


def test_what_is_his_is_made_once(counted, ask):
    text = counted.kept("hello", "{{ ''|counted }} {{ user }}")
    seen = [ask(text, who, path) for path in ("/", "/other") for who in ("ann", "bob")]
    assert seen == ["1 ann", "2 bob", "1 ann", "2 bob"]


def test_what_is_everybodys_is_made_once(counted, ask):
    text = "{{ user }} " + counted.kept("menu", "{{ ''|counted }}")
    assert [ask(text, who) for who in ("ann", "bob")] == ["ann 1", "bob 1"]


def test_a_write_is_seen_by_all(counted, ask, monkeypatch, rows):
    shelf = property(lambda self: Product.objects.filter(category=1).order_by("pk"))
    monkeypatch.setattr(User, "products", shelf, raising=False)
    text = counted.kept("menu", "{% for p in user.products %}{{ p.name }} {% endfor %}")
    assert [ask(text, who) for who in ("ann", "bob")] == ["hammer saw "] * 2
    Product.objects.filter(slug="b").update(name="handsaw")
    assert [ask(text, who) for who in ("ann", "bob")] == ["hammer handsaw "] * 2


@pytest.mark.servers
def test_a_page_of_thirty_fragments_is_one_round_trip(counted, tmp_path, monkeypatch, database):
    """Counted in a real Redis, with nothing kept in memory."""
    text = "{% for n in '123456789012345678901234567890'|make_list %}{% include 'part' %}{% endfor %}"
    counted.templates["part"] = counted.kept('"part" forloop.counter', "{{ forloop.counter }},")
    with RedisServer(tmp_path) as server, Cache(server.url, l1=None) as cache, server.client() as client:
        monkeypatch.setattr(caches, "project_cache", lambda: cache)
        for _ in range(3):
            client.config_resetstat()
            with cache.scope():
                shown = counted(text, path="/")
        calls = {name: each["calls"] for name, each in client.info("commandstats").items()}
        assert shown == "".join(f"{n}," for n in range(1, 31))
        assert calls["cmdstat_mget"] == 1
        assert "cmdstat_get" not in calls
