"""Where the cache of a project lives: what decides it, and what of a backend's settings is taken over."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.test import override_settings

from afresh import ConfigurationError
from afresh.django import project_cache
from afresh.django.checks import pages
from afresh.django.project import place_of_project

CORE = "django.core.cache.backends.redis.RedisCache"
OTHER = "django_redis.cache.RedisCache"


def backend(name, location, **more):
    return {"default": {"BACKEND": name, "LOCATION": location, **more}}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder without any other settings."""
    (tmp_path / "manage.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize(
    ("caches", "arguments"),
    [
        (backend(CORE, "redis://h/1"), {"url": "redis://h/1", "namespace": ""}),
        (
            backend(CORE, ["redis://a/1", "redis://b/1"], KEY_PREFIX="s"),
            {"url": "redis://a/1", "namespace": "s"},
        ),
        (
            backend(OTHER, "redis://h:1/0", OPTIONS={"PASSWORD": "p/w"}, KEY_PREFIX="a:b"),
            {"url": "redis://:p%2Fw@h:1/0", "namespace": "a_b"},
        ),
        (
            backend(OTHER, "rediss://u:own@h", OPTIONS={"PASSWORD": "p"}),
            {"url": "rediss://u:own@h", "namespace": ""},
        ),
        (backend("django.core.cache.backends.locmem.LocMemCache", "redis://h"), {}),
        ({"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}, {}),
    ],
)
def test_the_redis_of_the_project(caches, arguments):
    with override_settings(AFRESH={}, CACHES=caches):
        assert place_of_project().arguments == arguments


def test_the_order(elsewhere):
    redis = backend(CORE, "redis://h/1")
    ours = backend("afresh.django.CacheBackend", "memory://")
    with override_settings(AFRESH={}, CACHES=ours, SECRET_KEY="a secret that is long enough"):
        assert place_of_project().backend
        assert project_cache().get("x") is None
    (elsewhere / "afresh.toml").write_text('[cache]\nurl = "memory://"\nnamespace = "file"\n')
    with override_settings(AFRESH={}, CACHES=ours):
        assert not place_of_project().backend
        with project_cache() as cache:
            assert cache._engine.namespace == "file"
    with override_settings(AFRESH={"CACHE": {"url": "memory://", "namespace": "said"}}, CACHES=redis):
        with project_cache() as cache:
            assert cache._engine.namespace == "said"
            assert project_cache() is cache
        assert project_cache() is not cache  # that one was closed
        project_cache().close()


def test_a_setting_that_makes_no_sense():
    with override_settings(AFRESH={"CACHE": "nowhere://"}), pytest.raises(ConfigurationError):
        project_cache()
    with override_settings(AFRESH=["memory://"]), pytest.raises(ConfigurationError, match="URL alone"):
        project_cache()


def test_a_url_alone_is_where_the_cache_lives():
    with override_settings(AFRESH="redis://h/1"):
        assert place_of_project().arguments == {"url": "redis://h/1"}
    with override_settings(AFRESH="memory://"), project_cache() as cache:
        assert cache.get("x") is None
    with override_settings(AFRESH="nowhere://"), pytest.raises(ConfigurationError):
        project_cache()


def test_tests_have_their_own_memory(monkeypatch):
    from django.test.utils import _TestState

    monkeypatch.setattr(_TestState, "saved_data", None, raising=False)
    with override_settings(AFRESH={}, CACHES=backend(CORE, "redis://h/1")):
        assert place_of_project().arguments == {"url": "memory://"}


def test_a_cache_that_lives_in_a_container_is_said(monkeypatch):
    def found():
        return [each.id for each in run_checks() if each.id == "afresh.W004"]

    monkeypatch.delenv("AFRESH_URL", raising=False)
    with override_settings(AFRESH={"AUTO": "1m"}):
        monkeypatch.setattr(pages, "_in_a_container", lambda: True)
        assert found() == ["afresh.W004"]
        with override_settings(CACHES=backend(CORE, "redis://h/1")):
            assert place_of_project().why.startswith("the Redis")
        monkeypatch.setattr(pages, "_in_a_container", lambda: False)
        assert found() == []
    with override_settings(MIDDLEWARE=settings.MIDDLEWARE[1:]):
        monkeypatch.setattr(pages, "_in_a_container", lambda: True)
        assert found() == []
