"""Each place that sessions can have, and the same place as other processes see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from afresh.sessions import Sessions
from afresh.testing.clock import FakeClock
from afresh.testing.servers import RedisServer


@pytest.fixture(scope="session")
def session_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


FILE_AND_REDIS = ["file", pytest.param("redis", marks=pytest.mark.servers)]


def _shared(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of an empty place that several processes can have."""
    if kind == "file":
        return f"sqlite:////{folder}/people.sqlite3"
    server = request.getfixturevalue("session_server")
    with server.client() as client:
        client.flushall()
    return f"{server.url}?timeout=30"  # the machine may be busy


@pytest.fixture(params=FILE_AND_REDIS)
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return _shared(request.param, request, tmp_path)


@pytest.fixture
def opened(clock: FakeClock) -> Iterator[Callable[..., Sessions]]:
    """Opens sessions: each is like another process."""
    made: list[Sessions] = []

    def open_(place: Any, **given: Any) -> Sessions:
        made.append(Sessions(place, clock=clock, **given))
        return made[-1]

    yield open_
    for each in made:
        each.close()


@pytest.fixture(params=["memory", *FILE_AND_REDIS])
def sessions(request: pytest.FixtureRequest, opened: Callable[..., Sessions], tmp_path: Path) -> Sessions:
    kind = request.param
    return opened("memory://" if kind == "memory" else _shared(kind, request, tmp_path), ttl=100)
