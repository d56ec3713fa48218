"""`manage.py check` says what the first request would find out."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from afresh.errors import ConfigurationError

OURS = "afresh.django.CacheBackend"


def said(*, caches=None, **settings):
    with override_settings(
        CACHES={"default": caches or {"BACKEND": OURS, "LOCATION": "memory://"}}, **settings
    ):
        return {each.id: each.msg for each in run_checks() if each.id in {"afresh.E006", "afresh.E007"}}


@pytest.mark.parametrize(
    ("entry", "advice"),
    [
        ({"LOCATION": "snowflake"}, "LOCATION = 'snowflake': write memory://"),
        ({"LOCATION": "memory://", "OPTIONS": {"SPEED": 1}}, r"OPTIONS\['SPEED'\] is unknown"),
    ],
)
def test_entries_of_caches_that_make_no_sense(entry, advice):
    with pytest.raises(
        ConfigurationError, match=advice
    ):  # by a check of Django's own, which makes each cache
        said(caches={"BACKEND": OURS, **entry})


def test_a_serializer_that_is_none():
    entry = {"BACKEND": OURS, "OPTIONS": {"serializer": object}}
    assert "dumps(value)" in said(caches=entry)["afresh.E006"]


def test_a_secret_that_can_be_guessed():
    assert "can be guessed" in said(SECRET_KEY="short")["afresh.E006"]


def test_a_place_that_forgets_sessions():
    found = said(caches={"BACKEND": OURS, "LOCATION": "a:11211"}, SESSION_ENGINE="afresh.django.sessions")
    assert "memcached forgets" in found["afresh.E007"]


def test_what_is_right_is_not_mentioned():
    assert said(SESSION_ENGINE="afresh.django.sessions") == {}
    assert said(caches={"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "x"}) == {}
