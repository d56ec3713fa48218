"""Pages that may be stale for a while: the old one is sent, and the application is asked once more."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.test import AsyncClient, override_settings
from django.urls import path
from pages_people import status, text
from test_django_pages_obstacles import wait_for

from afresh import Kind
from afresh.django import project_cache
from afresh.testing import FakeClock

RULE = '[[http.rule]]\npath = "*"\nttl = "10s"\nstale_while_revalidate = "1h"\n'


@pytest.fixture
def clock(tmp_path):
    file, clock = tmp_path / "afresh.toml", FakeClock()
    file.write_text(RULE)
    cache = {"url": "memory://", "clock": clock}
    with override_settings(AFRESH={**settings.AFRESH, "FILE": str(file), "CACHE": cache}):
        yield clock


def test_the_old_page_and_then_the_new_one(clock, site):
    visitor = site.visitor()
    visitor.get("/form/")
    clock.advance(20)
    assert "hit" in status(visitor.get("/form/"))
    wait_for(lambda: "ttl=9" in status(visitor.get("/form/")) or "ttl=10" in status(visitor.get("/form/")))
    assert site.ran() == ["/form/", "/form/"]


def test_on_an_event_loop(clock, site):
    async def main():
        client = AsyncClient()
        await client.get("/")
        clock.advance(20)
        assert "hit" in status(await client.get("/"))
        for _ in range(500):
            if "ttl=-" not in status(await client.get("/")):
                break
            await asyncio.sleep(0.01)

    async_to_sync(main)()
    assert site.ran() == ["/", "/"]


def test_it_is_asked_with_what_middlewares_before_ours_have_put_on_the_request(clock, site):
    ran = []

    def seen(request):
        ran.append(getattr(request, "tenant", None))
        return HttpResponse(str(ran[-1]))

    def ask():
        return site.visitor().get("/seen/", headers={"x-tenant": "acme"})

    urls = type("urls", (), {"urlpatterns": [path("seen/", seen)]})
    before = ["test_django_given.tenants", *settings.MIDDLEWARE]
    with override_settings(ROOT_URLCONF=urls, MIDDLEWARE=before):
        ask()
        clock.advance(20)
        assert text(ask()) == "acme"
        wait_for(lambda: "ttl=9" in status(ask()) or "ttl=10" in status(ask()))
        assert text(ask()) == "acme"
    assert ran == ["acme", "acme"]


@pytest.mark.parametrize("storage", ["cookie.CookieStorage", "fallback.FallbackStorage"])
def test_messages_that_a_middleware_before_ours_has_put_there_are_each_visitors_own(clock, site, storage):
    middleware = "django.contrib.messages.middleware.MessageMiddleware"
    session = "django.contrib.sessions.middleware.SessionMiddleware"
    before = [session, middleware] if "fallback" in storage else [middleware]
    ran = []

    def seen(request):
        ran.append([str(each) for each in messages.get_messages(request)])
        return HttpResponse(str(ran[-1]))

    def put(request):
        messages.info(request, "for bob")
        return HttpResponse("put")

    urls = type("urls", (), {"urlpatterns": [path("seen/", seen), path("put/", put)]})
    with override_settings(
        ROOT_URLCONF=urls,
        MIDDLEWARE=[*before, settings.MIDDLEWARE[0]],
        MESSAGE_STORAGE=f"django.contrib.messages.storage.{storage}",
    ):
        nobody, bob, carol = site.visitor(), site.visitor(), site.visitor()
        failed = []
        project_cache().listen(lambda event: failed.append(event) if event.kind is Kind.LOAD_FAILED else None)

        def ended():
            return len(ran) + len(failed)

        nobody.get("/seen/")
        for who in (nobody, bob, carol):
            if who is bob:
                bob.post("/put/")
            clock.advance(20)
            so_far = ended()
            got = who.get("/seen/")
            if who is nobody or "cookie" in storage:  # one that fails isn't tried again at once
                wait_for(lambda so_far=so_far: ended() > so_far)
            assert ("for bob" in text(got)) == (who is bob)
        assert "for bob" not in text(carol.get("/seen/"))
