"""Who shows the query as it came has another page for each spelling; who reads its parameters hasn't."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path
from http_world import ask
from pages_people import text
from pages_site import view
from spellings import SAME_KEY, SPELLINGS

RAW = {
    "meta": lambda request: request.META["QUERY_STRING"],
    "full": lambda request: request.get_full_path().partition("?")[2],
    "info": lambda request: request.get_full_path_info().partition("?")[2],
    "absolute": lambda request: request.build_absolute_uri().partition("?")[2],
}


def shown(look):
    return view(lambda request: HttpResponse(look(request)))


class Pages:
    """The addresses of these tests."""

    urlpatterns = (
        *(path(f"{name}/", shown(look)) for name, look in RAW.items()),
        path("get/", shown(lambda request: str(sorted(request.GET.items())))),
        path("scope/", shown(lambda request: request.scope["query_string"].decode())),
        path("raw/", shown(lambda request: request.scope["raw_path"].decode())),
        path("word/", shown(lambda request: request.GET["q"])),
        path("user/", shown(lambda request: str(request.scope["user"]))),
        path("state/", shown(lambda request: str(request.scope["state"].get("user")))),
        path("part/", shown(lambda request: request.headers.get("Range", "all"))),
    )


@pytest.fixture(autouse=True)
def addresses():
    with override_settings(ROOT_URLCONF=Pages):
        yield


def asked(site, where):
    visitor = site.visitor()
    return [visitor.get(where, QUERY_STRING=each) for each in (*SPELLINGS, *SPELLINGS)]


def asked_later(*targets, **put):
    """The texts of an application that is asynchronous; `put`: what somebody has put into the scope before."""

    async def main():
        handler, texts = ASGIHandler(), []

        async def served(scope, receive, send):
            await handler({**scope, "path": unquote(scope["path"]), **put}, receive, send)

        for each in targets:
            where, _, query = each.partition("?")
            texts.append((await ask(served, where, query=query, host="testserver")).text)
        return texts

    return async_to_sync(main)()


@pytest.mark.parametrize("name", RAW)
def test_the_query_as_it_came(site, name):
    assert [text(each) for each in asked(site, f"/{name}/")] == [*SPELLINGS, *SPELLINGS]
    assert len(site.ran()) == len(SPELLINGS)


def test_its_parameters(site):
    assert {text(each) for each in asked(site, "/get/")} == {"[('a', '1'), ('b', 'x/y')]"}
    assert len(site.ran()) == len(SPELLINGS) - SAME_KEY + 1


@pytest.mark.parametrize("name", ["scope", "meta"])
def test_the_query_of_a_scope(site, name):
    targets = [f"/{name}/?{each}" for each in (*SPELLINGS, *SPELLINGS)]
    assert asked_later(*targets) == [*SPELLINGS, *SPELLINGS]
    assert len(site.ran()) == len(SPELLINGS)


def test_the_path_of_a_scope(site):
    targets = ["/raw/", "/%72aw/", "/raw/", "/%72aw/"]
    assert asked_later(*targets) == targets
    assert len(site.ran()) == 2


def test_letters_that_no_byte_stands_for(site):
    assert asked_later(*[f"/word/?q={each}" for each in "€字€字"]) == [*"€字€字"]


def test_a_redirect_of_djangos_carries_the_query_as_it_came(site):
    where = [each.headers["Location"] for each in asked(site, "/get")]
    assert where == [f"/get/?{each}" for each in (*SPELLINGS, *SPELLINGS)]


@override_settings(PREPEND_WWW=True, ALLOWED_HOSTS=["*"])
def test_so_does_one_to_another_host(site):
    where = [each.headers["Location"] for each in asked(site, "/get/")]
    assert where == [f"http://www.testserver/get/?{each}" for each in (*SPELLINGS, *SPELLINGS)]


class Person:
    """What has no spelling."""

    def __init__(self, name):
        self.name = name

    def __str__(self):
        return self.name


@pytest.mark.parametrize("kind", [str, Person])
def test_what_was_put_into_the_scope_before(site, kind):
    for name in ("ann", "bob", "ann"):
        assert asked_later("/user/", user=kind(name)) == [name]
        assert asked_later("/state/", state={"user": kind(name)}) == [name]


def test_a_part_of_another_kind_is_nobody_elses_page(site):
    visitor = site.visitor()
    for _ in range(2):
        assert text(visitor.get("/part/", headers={"range": "items=0-9"})) == "items=0-9"
        assert text(visitor.get("/part/", headers={"range": "items=10-19"})) == "items=10-19"
        assert text(visitor.get("/part/?whole")) == "all"
    assert text(visitor.get("/part/")) == "all"
    assert text(visitor.get("/part/", headers={"range": "bytes=0-0"})) == "a"
