"""Django with the settings of `tests/django`, one Redis, and the libraries whose place is taken."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from afresh.django.dropin.client import _RAW
from afresh.testing.servers import RedisServer

sys.path.insert(0, str(Path(__file__).parent.parent / "django"))

from django_secret import secret  # noqa: F401  # a fixture
from django_world import configure

configure()


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
