"""Whole pages, `CacheBackend` and sessions in one place: pages go with the values they show, and with the session."""

from __future__ import annotations

import pytest
from cache_faces import backend
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path

from afresh.django.sessions import SessionStore
from afresh.django.sessions.opening import OPENED

runs = []


def menu(request):
    runs.append(request.path)
    return HttpResponse(f"{cache.get('menu')} for {request.session.get('user', 'nobody')}")


urlpatterns = [path("menu", menu)]


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "machine"))
    place = f"sqlite:///{tmp_path}/cache"
    with override_settings(
        AFRESH={},
        ROOT_URLCONF=__name__,
        CACHES={"default": {"BACKEND": "afresh.django.CacheBackend", "LOCATION": place}},
        SESSION_ENGINE="afresh.django.sessions",
        MIDDLEWARE=["afresh.django.Middleware", "django.contrib.sessions.middleware.SessionMiddleware"],
    ):
        runs.clear()
        cache.set("menu", "soup")
        yield place
    OPENED.close()


def shown(client=None):
    """What a visitor sees, and whether the view ran for it."""
    before = len(runs)
    return (client or Client()).get("/menu").content.decode(), len(runs) - before


def test_a_page_goes_with_the_values_it_shows(site):
    assert [shown(), shown()] == [("soup for nobody", 1), ("soup for nobody", 0)]
    backend(site).set("menu", "stew")  # another worker's
    assert [shown(), shown()] == [("stew for nobody", 1), ("stew for nobody", 0)]
    cache.delete("menu")
    assert shown() == ("None for nobody", 1)


def test_clearing_values_ends_no_session_and_who_signs_out_is_out_at_once(site):
    session = SessionStore()
    session["user"] = "Ada"
    session.save()
    ada = Client()
    ada.cookies["sessionid"] = session.session_key
    assert shown(ada)[0] == "soup for Ada"
    assert shown(ada)[0] == "soup for Ada"
    assert shown()[0] == "soup for nobody"
    cache.clear()
    assert shown(ada)[0] == "None for Ada"
    SessionStore(session.session_key).flush()  # in another worker
    assert shown(ada)[0] == "None for nobody"
