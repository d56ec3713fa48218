"""A shop with a cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_shop import create_app, db, fill

from afresh import Cache
from afresh.flask import Afresh
from afresh.testing.servers import RedisServer


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache("memory://") as cache:
        yield cache


@pytest.fixture
def shop(tmp_path: Path, cache: Cache) -> Iterator[Callable[..., Flask]]:
    """Makes shops of one database: with the cache, unless `cached=False`."""
    made: list[Flask] = []

    def make(*, cached: bool = True, **config: Any) -> Flask:
        app = create_app(f"sqlite:///{tmp_path}/shop.sqlite3", **config)
        if cached:
            Afresh(app, cache=cache)
        if not made:
            fill(app)
        made.append(app)
        return app

    yield make
    for app in made:
        if hasattr(app.session_interface, "sessions"):
            app.session_interface.sessions.close()
        with app.app_context():
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()


@pytest.fixture(scope="session")
def flask_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server
