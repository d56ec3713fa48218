"""The secret of a visitor's token, in `META`: who shows it shows it to that visitor alone."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.middleware.csrf import get_token, rotate_token
from django.template import engines
from django.test import override_settings
from django.urls import path
from django.views.decorators.csrf import csrf_protect, ensure_csrf_cookie
from pages_people import status, text

from afresh.django.pages.meta import Meta
from afresh.django.pages.noticing import Reads
from afresh.rfc import Fields

SECRETS = ("a" * 32, "b" * 32, None)


@pytest.fixture
def view():
    """A view in the place of the site's."""
    changed = []

    def put(view):
        change = override_settings(ROOT_URLCONF=type("urls", (), {"urlpatterns": [path("seen/", view)]}))
        change.enable()
        changed.append(change)

    yield put
    for change in changed:
        change.disable()


def asked(site, secret):
    visitor = site.visitor()
    if secret is not None:
        visitor.cookies["csrftoken"] = secret
    return visitor.get("/seen/")


def _with_token(request):
    get_token(request)
    return request.META["CSRF_COOKIE"]


def _rotated(request):
    rotate_token(request)
    return request.META["CSRF_COOKIE"]


def _tried(request):
    try:
        return request.META["CSRF_COOKIE"]
    except KeyError:
        return None


WAYS = {
    "get": lambda request: request.META.get("CSRF_COOKIE"),
    "[]": _tried,
    "in": lambda request: "CSRF_COOKIE" in request.META,
    "pop": lambda request: request.META.pop("CSRF_COOKIE", None),
    "setdefault": lambda request: request.META.setdefault("CSRF_COOKIE"),
    "template": lambda request: engines["django"].from_string("{{ request.META.CSRF_COOKIE|default:'None' }}").render({}, request),
    "with its token": _with_token,
    "rotated": _rotated,
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_nobody_gets_the_secret_of_another(site, view, way):
    view(lambda request: HttpResponse(str(WAYS[way](request))))
    for secret in SECRETS * 2:
        answer = asked(site, secret)
        assert not [other for other in SECRETS if other and other != secret and other in text(answer)]
        assert "hit" not in status(answer)
    assert "rotated" in way or "secret" in status(answer)


def test_whether_a_cookie_will_be_sent(site, view):
    view(lambda request: HttpResponse(str(request.META.get("CSRF_COOKIE_NEEDS_UPDATE"))))
    assert not any("hit" in status(asked(site, secret)) for secret in SECRETS)


@pytest.mark.parametrize("decorator", [ensure_csrf_cookie, csrf_protect, lambda view: view])
def test_djangos_own_reads_are_none(site, view, decorator):
    view(decorator(lambda request: HttpResponse(get_token(request))))
    answers = [asked(site, secret) for secret in SECRETS]
    assert [("hit" in status(each)) for each in answers] == [False, True, True]
    assert len({text(each) for each in answers}) == 3


def test_get_token_is_not_noticed_and_who_asks_after_it_is():
    reads = Reads(Fields.of([]), frozenset())
    meta = Meta({"CSRF_COOKIE": "a"}).watched_by(reads)
    request = type("Request", (), {"META": meta})
    get_token(request)
    assert not reads.refused
    assert meta["CSRF_COOKIE"] == "a"
    assert "secret" in reads.refused
