"""RQ: each job is a scope, and what it stored outlives its process."""

from __future__ import annotations

import os

import pytest
import redis

import afresh.rq
from afresh import Cache, ConfigurationError
from afresh.engine.asking.confirm import current
from afresh.engine.asking.tracker import asking
from afresh.testing.servers import RedisServer

pytestmark = pytest.mark.servers

_cache: Cache | None = None


def opened() -> Cache:
    assert _cache is not None
    return _cache


def work(key, value):
    opened().set(key, [value, asking() is not None, current.get().owed, os.getpid()])


@pytest.fixture
def connection(tmp_path, monkeypatch):
    with RedisServer(tmp_path / "redis") as server, Cache(f"sqlite:////{tmp_path}/cache.sqlite3") as cache:
        monkeypatch.setattr("test_rq._cache", cache)
        with redis.Redis(port=server.port) as connection:
            yield connection


class Worker(afresh.rq.Worker):
    cache = staticmethod(opened)


class SimpleWorker(afresh.rq.SimpleWorker):
    cache = staticmethod(opened)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork")
@pytest.mark.parametrize("kind", [Worker, SimpleWorker])
def test_a_job_is_a_scope_and_leaves_what_it_stored(connection, kind):
    queue = afresh.rq.Queue(connection=connection, cache=opened)
    job = queue.enqueue(work, "key", 7)
    assert job.meta["afresh"] == [opened()._engine.ledger.epoch, opened()._engine.ledger.position()]
    kind([queue], connection=connection).work(burst=True)
    assert job.get_status(refresh=True).value == "finished", job.latest_result().exc_string
    value, scoped, owed, process = opened().get("key")
    assert (value, scoped, owed) == (7, True, False)
    assert (process == os.getpid()) is (kind is SimpleWorker)
    assert asking() is None


def test_a_worker_needs_a_cache():
    with pytest.raises(ConfigurationError, match=r"Worker\.cache is missing"):
        afresh.rq._cache(afresh.rq.Worker)
