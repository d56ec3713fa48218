"""The panel for django-debug-toolbar, in a toolbar."""

from __future__ import annotations

import asyncio

import pytest
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory
from django_shop.models import Product

from afresh.django import panel
from afresh.fragments import Wanted, fragments_of

pytestmark = pytest.mark.parametrize("engine", ["sqlite3"], indirect=True)


class Toolbar:
    """As much of one as a panel asks for."""

    request_id = "1"

    def __init__(self):
        self.stats = {}
        self.store = self
        self.saved = {}

    def save_panel(self, request_id, panel_id, stats):
        self.saved[panel_id] = stats


@pytest.fixture
def show(cache, monkeypatch, rows):
    monkeypatch.setattr(panel, "project_cache", lambda: cache)

    def page():
        wanted = Wanted("shelf", lambda: Product.objects.get(pk=1).name)
        return HttpResponse(fragments_of(cache).rendered(wanted))

    async def apage(request):
        await asyncio.sleep(0)
        cache.get_or_load("number", lambda: 7)
        return HttpResponse("")

    def show(asynchronous=False):
        toolbar = Toolbar()
        own = panel.AfreshPanel(toolbar, apage if asynchronous else lambda request: page())
        own.enable_instrumentation()
        try:
            request = (AsyncRequestFactory if asynchronous else RequestFactory)().get("/")
            response = own.process_request(request)
            if asynchronous:
                response = asyncio.run(awaited(response))
        finally:
            own.disable_instrumentation()
        own.generate_stats(request, response)
        return own

    return show


async def awaited(response):
    return await response


def test_it_shows_what_was_asked_for(show):
    first = show()
    assert first.nav_subtitle == "0 hits, 1 loads"
    assert "fragment:shelf(" in first.content
    assert "<td>load</td>" in first.content
    assert "memory://" in first.content


def test_coroutines(show):
    assert "number" in show(asynchronous=True).content
    assert show(asynchronous=True).nav_title == "afresh"


def test_what_other_requests_ask_for_is_not_shown(show, cache):
    own = show()
    cache.get_or_load("mine", lambda: 1)
    assert "mine" not in own.content
