"""Django with the settings of `tests/django`, one Redis, and the libraries whose place is taken."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from django.test import override_settings

from afresh.django.cache.opening import OPENED
from afresh.django.dropin.client import _RAW
from afresh.testing.servers import RedisServer

SECRET = "the secret of these tests, long enough"

sys.path.insert(0, str(Path(__file__).parent.parent / "django"))

from django_world import configure  # noqa: E402

configure()


@pytest.fixture(autouse=True)
def secret():
    """A secret that is long enough; caches that were opened with another are closed."""
    with override_settings(SECRET_KEY=SECRET):
        yield
    OPENED.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with RedisServer(tmp_path_factory.mktemp("dropin")) as server:
        yield server


@pytest.fixture
def url(server):
    return server.url


@pytest.fixture
def prefix(request, tmp_path):
    """One that no other test has: the server is everybody's, and its ledger must stay."""
    return tmp_path.name


@pytest.fixture(autouse=True)
def hung_up():
    """Connections of redis-py are closed at the end."""
    yield
    for client in _RAW.values():
        client.close()
    _RAW.clear()
