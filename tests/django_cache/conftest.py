"""Django with the settings of `tests/django`, since a process has one Django, and caches of each kind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from afresh.testing.servers import MemcachedServer, RedisServer

sys.path.insert(0, str(Path(__file__).parent.parent / "django"))

from cache_faces import backend
from django_secret import secret  # noqa: F401  # a fixture
from django_world import configure

configure()


@pytest.fixture(scope="session")
def redis(tmp_path_factory):
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def memcached(tmp_path_factory):
    with MemcachedServer(tmp_path_factory.mktemp("memcached")) as server:
        yield server


@pytest.fixture(
    params=[
        "memory",
        "file",
        pytest.param("redis", marks=pytest.mark.servers),
        pytest.param("memcached", marks=pytest.mark.servers),
    ]
)
def location(request, tmp_path, monkeypatch):
    """The LOCATION of an empty cache of each kind."""
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "machine"))
    if request.param == "memory":
        return f"memory://{tmp_path}"
    if request.param == "file":
        return f"sqlite:///{tmp_path}/cache"
    server = request.getfixturevalue(request.param)
    place = f"{server.url}?timeout=30&connect_timeout=30&ledger={tmp_path.name}"
    cache = backend(place)  # the server is everybody's
    cache.clear()
    cache.afresh.clear()
    return place
