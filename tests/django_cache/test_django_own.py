"""Django's own tests of caches and of sessions pass on our backends; what differs is named, with its reason."""

from __future__ import annotations

import uuid

import django
import pytest
from django_own import run

from sizes import size

pytestmark = [pytest.mark.servers, pytest.mark.slow]

DIFFERENT = {
    "DefaultNonExpiringCacheKeyTests.test_caches_set_with_timeout_as_none_set_non_expiring_key": (
        "looks into a dictionary of LocMemCache"
    ),
    "DefaultNonExpiringCacheKeyTests.test_caches_with_unset_timeout_set_expiring_key": (
        "looks into a dictionary of LocMemCache"
    ),
    "SessionMiddlewareTests.test_empty_session_saved": "looks into the table of Django's database sessions",
}
"""Tests that fail, since they ask for how something is done rather than for what."""

NOT_THERE = {"OnOurs.test_cull", "OnOurs.test_zero_cull", "OnOurs.test_cull_delete_when_store_empty"}
"""Skipped by themselves, as on Django's Redis and memcached: what is evicted is chosen another way."""


LEAST = {"cache": 54, "sessions": 77 if django.VERSION >= (5, 1) else 49}  # 4.2 has no asynchronous sessions


def test_djangos_own_tests_pass(redis, memcached, tmp_path):
    (tmp_path / "f").mkdir()
    ledger = uuid.uuid4().hex
    everywhere = {
        "memory": "memory://tests",
        "redis": f"{redis.url}?timeout=30&connect_timeout=30&ledger={ledger}",
        "file": f"sqlite:///{tmp_path}/f/cache",
        "memcached": f"{memcached.url}?timeout=30&connect_timeout=30&ledger={ledger}",
    }
    kinds = size(("memory", "redis"), tuple(everywhere))
    cache = [("cache", everywhere[kind]) for kind in kinds]
    sessions = [("sessions", everywhere[kind]) for kind in size(("redis",), ("redis", "file", "memory"))]
    reports = run([*cache, *sessions], tmp_path / "machine")
    failed = {
        f"{test} on {location}": text
        for (_, location), report in reports.items()
        for test, text in report.failed.items()
        if test not in DIFFERENT
    }
    assert failed == {}
    assert {test for report in reports.values() for test in report.failed} == set(
        DIFFERENT
    )  # no more, no less
    for (suite, location), report in reports.items():
        assert set(report.skipped) == (NOT_THERE if suite == "cache" else set()), location
        assert report.ran >= LEAST[suite]
