"""Switching a cache off, or back on, reaches every process within a second."""

from __future__ import annotations

import time

import pytest

from afresh import Cache

pytestmark = pytest.mark.slow


@pytest.fixture
def caches(tmp_path, monkeypatch):
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "cache"))
    with Cache(namespace="shop") as one, Cache(namespace="shop") as other, Cache(namespace="blog") as third:
        yield one, other, third


def becomes(cached, *, hit, seconds=1.0):
    deadline = time.monotonic() + seconds
    while (cached() is cached()) is not hit:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_mode_reaches_the_other_caches_of_its_namespace(caches):
    one, other, third = caches
    cached = [cache.cached(prefix="f")(lambda: [1]) for cache in (one, other, third)]
    assert all(becomes(each, hit=True) for each in cached)
    one.mode = "off"
    assert cached[0]() is not cached[0]()
    assert becomes(cached[1], hit=False)
    assert other.mode == "off"
    assert cached[2]() is cached[2]()
    other.mode = "on"
    assert becomes(cached[0], hit=True)


def test_a_cache_that_is_opened_later_finds_the_mode(caches):
    caches[0].mode = "off"
    with Cache(namespace="shop") as late:
        assert late.mode == "off"
        late.mode = "on"
