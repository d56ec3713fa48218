"""Where the middleware stands in MIDDLEWARE: what is said of it, and pages are right all the same."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.test import override_settings
from pages_people import status, text

OURS, *OTHERS = settings.MIDDLEWARE
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
LOCALE = "django.middleware.locale.LocaleMiddleware"


def findings(*middleware):
    with override_settings(MIDDLEWARE=middleware):
        ours = [each for each in run_checks() if each.id.startswith("afresh")]
    return [(each.id, each.msg, each.hint) for each in ours]


def test_first_of_all_nothing_is_said():
    assert findings(OURS, *OTHERS) == []


def test_twice():
    ((name, said, hint),) = findings(OURS, *OTHERS, "afresh.django.pages.middleware.Middleware")
    assert name == "afresh.E008"
    assert "more than once" in said
    assert "remove the others" in hint


@pytest.mark.parametrize(
    ("path", "cost"),
    [
        (SESSIONS, "session"),
        (LOCALE, "language"),
        ("csp.middleware.CSPMiddleware", "nonce"),
        ("test_django_order.Own", "user"),
    ],
)
def test_behind_what_asks_who_the_visitor_is(path, cost):
    ((name, said, hint),) = findings(path, OURS, *[each for each in OTHERS if each != path])
    assert name == "afresh.W006"
    assert said.startswith(path)
    assert cost in said
    assert "first" in hint


def test_behind_djangos_own_page_cache():
    ((name, said, _),) = findings("django.middleware.cache.UpdateCacheMiddleware", OURS, *OTHERS)
    assert name == "afresh.W003"
    assert "before" in said


def test_without_ours_the_order_is_the_projects():
    assert findings(SESSIONS, LOCALE) == []


def test_twice_is_once(site):
    with override_settings(MIDDLEWARE=[OURS, *OTHERS, OURS]):
        seen = [site.visitor().get("/theme/", HTTP_COOKIE=f"theme={each}") for each in ("a", "b", "a", "b")]
    assert [text(each) for each in seen] == ["theme a", "theme b"] * 2
    assert all("hit" in status(each) for each in seen[2:])


@override_settings(USE_I18N=True, MIDDLEWARE=[SESSIONS, LOCALE, OURS])
def test_a_language_that_was_chosen_before(site):
    wanted = {"de": "Montag", "fr": "lundi", "en": "Monday"}
    for _ in range(2):
        for language, day in wanted.items():
            answered = site.visitor().get("/today/", headers={"accept-language": language})
            assert text(answered) == day
    assert len(site.ran()) == 3


@override_settings(MIDDLEWARE=[SESSIONS, OURS, *[each for each in OTHERS if each != SESSIONS]])
def test_a_session_that_was_opened_before(site):
    site.person("ann")
    for name in ("ann", None, "ann", None):
        assert text(site.visitor(name).get("/hello/")) == f"hello {name or 'stranger'}"


def _own():
    from django.contrib.auth.middleware import AuthenticationMiddleware

    return type("Own", (AuthenticationMiddleware,), {})


Own = _own()
