"""A cookie of a session that isn't there (any more): a hit does with it what Django would."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import AsyncClient, override_settings
from pages_people import status, text

STORES = [
    f"django.contrib.sessions.backends.{each}" for each in ("db", "cached_db", "cache", "signed_cookies")
]
FORGED = "sessionid=forged0forged0forged0forged0for"


@pytest.fixture(params=STORES)
def store(request):
    with override_settings(SESSION_ENGINE=request.param):
        yield request.param


def cookies(answered):
    """What a browser is told, but for times and new ids."""
    return {
        name: {key: bool(value) for key, value in morsel.items()} | {"": bool(morsel.value)}
        for name, morsel in answered.cookies.items()
    }


def uncached(path, cookie):
    from django.test import Client

    with override_settings(MIDDLEWARE=settings.MIDDLEWARE[1:]):
        return Client().get(path, HTTP_COOKIE=cookie)


def test_a_forged_one(site, store):
    site.visitor().get("/hello/")
    for _ in range(2):
        answered = site.visitor().get("/hello/", HTTP_COOKIE=FORGED)
        assert text(answered) == "hello stranger"
        assert "hit" in status(answered)
        assert "sessionid" in answered.cookies
        assert cookies(answered) == cookies(uncached("/hello/", FORGED))
        assert "private" in answered.headers["Cache-Control"]
    assert site.visitor().get("/hello/").cookies == {}


def test_a_page_that_does_not_ask_leaves_it(site, store):
    for _ in range(2):
        answered = site.visitor().get("/", HTTP_COOKIE=FORGED)
        assert cookies(answered) == cookies(uncached("/", FORGED)) == {}
    assert "hit" in status(answered)


def test_an_expired_one(site):
    site.person("ann")
    ann, cookie = site.visitor("ann"), None
    cookie = f"sessionid={ann.cookies['sessionid'].value}"
    site.visitor().get("/hello/")
    assert ann.get("/hello/").cookies == {}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_session SET expire_date = '2001-01-01 00:00:00'")
    answered = site.visitor().get("/hello/", HTTP_COOKIE=cookie)
    assert (text(answered), "hit" in status(answered)) == ("hello stranger", True)
    assert answered.cookies["sessionid"].value == ""
    assert answered.cookies["sessionid"]["max-age"] == 0


def test_a_good_one_stays(site):
    site.person("ann")
    ann = site.visitor("ann")
    for _ in range(3):
        answered = ann.get("/hello/")
        assert (text(answered), dict(answered.cookies)) == ("hello ann", {})
    assert "hit" in status(answered)
    assert Session.objects.count() == 1


def test_under_asgi(site):
    async def main():
        await AsyncClient().get("/hello/")
        return await AsyncClient().get("/hello/", headers={"cookie": FORGED})

    answered = async_to_sync(main)()
    assert "hit" in status(answered)
    assert answered.cookies["sessionid"].value == ""
