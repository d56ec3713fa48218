"""The nonces of a policy: each answer has its own, in its head and in its body, whoever makes the policy."""

from __future__ import annotations

import re

import django
import pytest
from csp.constants import NONCE
from django.conf import settings
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path
from pages_people import status, text
from pages_site import page, view

DJANGOS = "django.middleware.csp.ContentSecurityPolicyMiddleware"
OF_THE_PACKAGE = {"CONTENT_SECURITY_POLICY": {"DIRECTIVES": {"script-src": ["'self'", NONCE]}}}
WAYS = {"the package": ("csp.middleware.CSPMiddleware", OF_THE_PACKAGE, "request.csp_nonce")}
if django.VERSION >= (6, 0):
    from django.utils.csp import CSP

    FOR_DJANGO = {"script-src": [CSP.SELF, CSP.NONCE]}
    WAYS["Django"] = DJANGOS, {"SECURE_CSP": FOR_DJANGO}, "request._csp_nonce"
    WAYS["Django's report"] = DJANGOS, {"SECURE_CSP_REPORT_ONLY": FOR_DJANGO}, "request._csp_nonce"


def shown(name):
    """A page with a script, its nonce by a way of its own; as in `{{ csp_nonce }}`."""
    of = {"package": lambda request: request.csp_nonce, "django": lambda request: request._csp_nonce}[name]
    source = '<script nonce="{{ nonce }}"></script><style nonce="{{ nonce }}"></style>'
    return view(lambda request: page(source, request, nonce=of(request)))


class Addresses:
    """The pages of these tests."""

    urlpatterns = (
        path("package/", shown("package")),
        path("django/", shown("django")),
        path("plain/", view(lambda request: HttpResponse("no script"))),
    )


@pytest.fixture(params=WAYS)
def way(request):
    middleware, policy, attribute = WAYS[request.param]
    with override_settings(ROOT_URLCONF=Addresses, **policy):
        yield middleware, "/package/" if attribute == "request.csp_nonce" else "/django/"


def nonce_of(answered):
    """The one that stands in the body, twice, and in the head."""
    (nonce,) = set(re.findall(r'nonce="([^"]+)"', text(answered)))
    (policy,) = [value for name, value in answered.items() if name.startswith("Content-Security-Policy")]
    assert re.findall(r"'nonce-([^']+)'", policy) == [nonce]
    return nonce


def test_each_answer_has_its_own(site, way):
    middleware, where = way
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, middleware]):
        answers = [site.visitor().get(where) for _ in range(3)]
    assert len({nonce_of(each) for each in answers}) == 3
    assert "hit" in status(answers[-1])
    assert site.ran() == [where]


def test_a_policy_from_before_is_no_hole(site, way):
    middleware, where = way
    with override_settings(MIDDLEWARE=[middleware, *settings.MIDDLEWARE]):
        answers = [site.visitor().get(where) for _ in range(3)]
        plain = [site.visitor().get("/plain/") for _ in range(2)]
    assert len({nonce_of(each) for each in answers}) == 3
    assert "nonce" in status(answers[-1])
    assert "hit" in status(plain[-1])
