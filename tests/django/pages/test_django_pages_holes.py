"""Tokens against forged forms, in pages that are shared: each visitor has his own, and it is good."""

from __future__ import annotations

import gzip
import re

import pytest
from django.conf import settings
from django.test import override_settings
from pages_people import status, text

_TOKEN = re.compile(r"[A-Za-z0-9]{64}")


def token_in(answered):
    (found,) = _TOKEN.findall(text(answered))
    return found


@pytest.mark.parametrize("path", ["/form/", "/script/", "/streamed-form/"])
def test_a_token_from_a_shared_page_is_good(site, path):
    tokens = set()
    for _ in range(3):
        visitor = site.visitor(enforce_csrf_checks=True)
        answered = visitor.get(path)
        token = token_in(answered)
        tokens.add(token)
        assert "csrftoken" in answered.cookies
        sent = visitor.post("/form/", {"name": "x", "csrfmiddlewaretoken": token})
        assert sent.status_code == 200
    assert len(tokens) == 3


def test_the_page_is_shared(site):
    for _ in range(3):
        answered = site.visitor().get("/form/")
    assert site.ran() == ["/form/"]
    assert "hit" in status(answered)
    assert "private" in answered.headers["Cache-Control"]
    assert int(answered.headers["Content-Length"]) == len(answered.content)


def test_another_visitors_token_is_not_good(site):
    ann, bob = site.visitor(enforce_csrf_checks=True), site.visitor(enforce_csrf_checks=True)
    token = token_in(ann.get("/form/"))
    bob.get("/form/")
    assert bob.post("/form/", {"name": "x", "csrfmiddlewaretoken": token}).status_code == 403


def test_a_visitor_keeps_his_secret(site):
    visitor = site.visitor(enforce_csrf_checks=True)
    first = token_in(visitor.get("/form/"))
    secret = visitor.cookies["csrftoken"].value
    visitor.get("/form/")
    assert visitor.cookies["csrftoken"].value == secret
    assert visitor.post("/form/", {"name": "x", "csrfmiddlewaretoken": first}).status_code == 200


def test_a_view_that_only_wants_the_cookie(site):
    for _ in range(2):
        visitor = site.visitor()
        assert "csrftoken" in visitor.get("/cookie/").cookies
    assert site.ran() == ["/cookie/"]


def test_a_broken_cookie_is_replaced(site):
    site.visitor().get("/form/")
    visitor = site.visitor(enforce_csrf_checks=True)
    visitor.cookies["csrftoken"] = "no token"
    token = token_in(visitor.get("/form/"))
    assert visitor.post("/form/", {"name": "x", "csrfmiddlewaretoken": token}).status_code == 200


@override_settings(CSRF_USE_SESSIONS=True)
def test_secrets_in_sessions(site):
    ann = site.visitor(enforce_csrf_checks=True)
    ann.get("/form/")
    for _ in range(2):
        token = token_in(ann.get("/form/"))
        assert ann.post("/form/", {"name": "x", "csrfmiddlewaretoken": token}).status_code == 200
    bob = site.visitor(enforce_csrf_checks=True)
    token = token_in(bob.get("/form/"))
    assert bob.post("/form/", {"name": "x", "csrfmiddlewaretoken": token}).status_code == 200


def test_compressed_pages(site):
    middleware = ["afresh.django.Middleware", "django.middleware.gzip.GZipMiddleware"]
    with override_settings(MIDDLEWARE=[*middleware, *settings.MIDDLEWARE[1:]]):
        long = "/form/?" + "x" * 300
        for _ in range(2):
            visitor = site.visitor(enforce_csrf_checks=True)
            answered = visitor.get(long, headers={"accept-encoding": "gzip"})
            assert answered.headers["Content-Encoding"] == "gzip"
            body = gzip.decompress(answered.content).decode()
            (token,) = _TOKEN.findall(body)
            assert visitor.post("/form/", {"name": "x", "csrfmiddlewaretoken": token}).status_code == 200


@pytest.mark.parametrize("inside", [True, False])
def test_a_middleware_that_compresses_by_itself(site, inside):
    ours, *others = settings.MIDDLEWARE
    strange = "pages_site.Compressing"
    with override_settings(MIDDLEWARE=[ours, strange, *others] if inside else [strange, ours, *others]):
        for _ in range(2):
            visitor = site.visitor(enforce_csrf_checks=True)
            answered = visitor.get("/form/", headers={"accept-encoding": "gzip"})
            body = answered.content if inside else gzip.decompress(answered.content)
            (token,) = _TOKEN.findall(body.decode())
            assert visitor.post("/form/", {"name": "x", "csrfmiddlewaretoken": token}).status_code == 200
