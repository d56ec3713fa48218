"""What a middleware before ours has put on a request: who has something else there, or nothing, sees his own."""

from __future__ import annotations

import copy

import jinja2
import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse, QueryDict
from django.template import engines
from django.test import AsyncClient, override_settings
from django.urls import path
from django.utils.functional import SimpleLazyObject
from pages_people import status, text

import afresh.jinja2
from afresh.django import project_cache

TENANTS = ("acme", "other", None)


def tenants(get_response):
    """Finds out who asks, where nobody sees it."""

    def answer(request):
        name = request.META.get("HTTP_X_TENANT")
        if name is not None:
            request.tenant = name
        return get_response(request)

    return answer


def limits(get_response):
    """Counts, and tells nobody."""

    def answer(request):
        request.limited = False
        return get_response(request)

    return answer


def of_rows(get_response):
    """What it puts there can be no part of a key."""

    def answer(request):
        request.user = SimpleLazyObject(AnonymousUser)
        return get_response(request)

    return answer


def elsewhere(get_response):
    """Changes what Django has put there itself."""

    def answer(request):
        request.path_info = f"/{request.META['HTTP_X_TENANT']}/"
        request.GET = QueryDict(f"tenant={request.META['HTTP_X_TENANT']}")
        return get_response(request)

    return answer


@pytest.fixture
def pages():
    """Views in the place of the site's, with a middleware before ours."""
    changed = []

    def put(middleware, /, without="nothing", **views):
        module = type("urls", (), {"urlpatterns": [path(f"{name}/", view) for name, view in views.items()]})
        listed = [
            f"test_django_given.{middleware}",
            *[each for each in settings.MIDDLEWARE if without not in each],
        ]
        change = override_settings(ROOT_URLCONF=module, MIDDLEWARE=listed)
        change.enable()
        changed.append(change)

    yield put
    for change in reversed(changed):
        change.disable()


def asked(site, tenant, where="/seen/"):
    return site.visitor().get(where, headers={} if tenant is None else {"x-tenant": tenant})


def _of_a_template(source):
    return lambda request: engines["django"].from_string(source).render({}, request)


def _of_jinja2(request):
    environment = jinja2.Environment(autoescape=True)
    afresh.jinja2.install(environment, project_cache())
    source = "{% afresh 'f' %}{{ request.tenant|default('None') }}{% endafresh %}"
    return environment.from_string(source).render(request=request)


def _tried(request):
    try:
        return request.tenant
    except AttributeError:
        return None


WAYS = {
    "attribute": _tried,
    "getattr": lambda request: getattr(request, "tenant", None),
    "hasattr": lambda request: request.tenant if hasattr(request, "tenant") else None,
    "vars": lambda request: vars(request).get("tenant"),
    "all of vars": lambda request: {**vars(request)}.get("tenant"),
    "a copy of vars": lambda request: vars(request).copy().get("tenant"),
    "vars and more": lambda request: ({"more": 1} | vars(request) | {}).get("tenant"),
    "__dict__": lambda request: request.__dict__.pop("tenant", None),
    "copy": lambda request: getattr(copy.copy(request), "tenant", None),
    "template": _of_a_template("{{ request.tenant|default:'None' }}"),
    "fragment of Jinja2": _of_jinja2,
    "fragment": _of_a_template(
        "{% load afresh %}{% afresh f %}{{ request.tenant|default:'None' }}{% endafresh %}"
    ),
}


@pytest.mark.parametrize("order", [TENANTS, TENANTS[::-1]], ids=["some first", "none first"])
@pytest.mark.parametrize("way", WAYS)
def test_who_has_something_else_there_sees_that(site, pages, way, order):
    ran = []
    pages("tenants", seen=lambda request: ran.append(1) or HttpResponse(str(WAYS[way](request))))
    seen = [asked(site, tenant) for tenant in order * 2]
    assert [text(each) for each in seen] == [str(each) for each in order * 2]
    assert all("hit" in status(each) for each in seen[3:])
    assert len(ran) == 3


def test_other_caches_hear_that_it_is_not_for_everybody(site, pages):
    pages("tenants", seen=lambda request: HttpResponse(request.tenant))
    assert "private" in asked(site, "acme").headers["Cache-Control"]


def test_on_an_event_loop(site, pages):
    async def seen(request):
        return HttpResponse(str(getattr(request, "tenant", None)))

    pages("tenants", seen=seen)

    async def ask(tenant):
        fields = {} if tenant is None else {"x-tenant": tenant}
        return await AsyncClient().get("/seen/", **{"headers": fields} if fields else {})

    answers = [async_to_sync(ask)(each) for each in TENANTS * 2]
    assert [text(each) for each in answers] == [str(each) for each in TENANTS * 2]
    assert all("hit" in status(each) for each in answers[3:])


def test_what_nobody_reads_makes_no_difference(site, pages):
    ran = []
    pages("limits", seen=lambda request: ran.append(1) or HttpResponse("the same"))
    seen = [asked(site, tenant) for tenant in TENANTS]
    assert [("hit" in status(each)) for each in seen] == [False, True, True]
    assert "private" not in seen[-1].headers.get("Cache-Control", "")


def test_what_the_application_puts_in_that_place_is_its_own(site, pages):
    def seen(request):
        request.tenant = "mine"
        return HttpResponse(request.tenant)

    pages("tenants", seen=seen)
    assert "hit" not in status(asked(site, "acme"))
    assert "hit" in status(asked(site, "other"))


def test_what_can_be_no_part_of_a_key_is_kept_for_nobody(site, pages):
    pages(
        "of_rows",
        without="Authentication",
        seen=lambda request: HttpResponse(request.user.is_active),
        plain=lambda request: HttpResponse("plain"),
    )
    answers = [asked(site, None) for _ in range(3)]
    assert not any("hit" in status(each) for each in answers)
    assert "request.user" in status(answers[-1])
    assert [("hit" in status(asked(site, None, "/plain/"))) for _ in range(2)] == [False, True]


def test_a_path_and_a_query_that_were_changed(site, pages):
    pages(
        "elsewhere",
        acme=lambda request: HttpResponse("of acme"),
        other=lambda request: HttpResponse(f"of other {request.GET['tenant']}"),
    )
    seen = [text(asked(site, each)) for each in ("acme", "other") * 2]
    assert seen == ["of acme", "of other other"] * 2
