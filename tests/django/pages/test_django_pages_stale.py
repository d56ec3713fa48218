"""Pages that may be stale for a while: the old one is sent, and the application is asked once more."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.http import HttpResponse
from django.test import AsyncClient, override_settings
from django.urls import path
from pages_people import status, text
from test_django_pages_obstacles import wait_for

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
