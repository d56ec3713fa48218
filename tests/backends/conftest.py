"""Two machines over one server that is a model: for the tests of replicas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from replica_server import Server
from replica_tools import Machine

from afresh.testing.clock import FakeClock


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(5_000.0)


@pytest.fixture
def here(server: Server, clock: FakeClock, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(server, tmp_path / "here", clock)
    yield machine
    machine.close()


@pytest.fixture
def there(server: Server, clock: FakeClock, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(server, tmp_path / "there", clock)
    yield machine
    machine.close()
