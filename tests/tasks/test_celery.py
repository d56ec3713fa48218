"""Celery: each task is a scope, and nothing is older than what its sender wrote."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import celery
import pytest

import afresh.celery
from afresh import Cache, tag
from afresh.engine.asking.confirm import current
from afresh.engine.asking.tracker import asking
from afresh.testing.servers import RedisServer

QUICK = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
HERE = Path(__file__).parent


@pytest.fixture
def cache():
    with Cache("memory://", consistency="session") as cache:
        installed = afresh.celery.install(cache)
        yield cache
        installed.remove()


@pytest.fixture
def app():
    app = celery.Celery("tasks", broker="memory://", set_as_current=False)
    yield app
    app.close()


def test_a_task_is_a_scope(app, cache):
    seen = []

    @app.task
    def look():
        cache.depends_on(tag("x"))
        seen.append(asking().names())

    @app.task
    def fail():
        raise ValueError

    for _ in range(2):
        look.apply()
        fail.apply()
        assert asking() is None
    assert seen == [("tag:'x'",), ("tag:'x'",)]


def test_a_task_within_a_task(app, cache):
    @app.task
    def inner():
        return asking() is not None

    @app.task
    def outer():
        return inner.apply().get(disable_sync_subtasks=False), asking() is not None

    assert outer.apply().get() == (True, True)
    assert asking() is None


def test_the_senders_position_travels(app, cache):
    @app.task
    def owed():
        return current.get().owed

    epoch, position = cache._engine.ledger.epoch, cache._engine.ledger.position()
    assert owed.apply(headers={"afresh": [epoch, position]}).get() is False
    assert owed.apply(headers={"afresh": [epoch, position + 1]}).get() is True
    headers = {}
    celery.signals.before_task_publish.send(sender="x", headers=headers)
    assert headers == {"afresh": [epoch, position]}


@pytest.mark.servers
@pytest.mark.slow
def test_a_worker_that_forks(tmp_path):
    """What the sender has just changed, a worker's task never reads from before it, though it kept that."""
    with RedisServer(tmp_path) as server:
        command = [sys.executable, HERE / "celery_sender.py", server.url]
        worker = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "celery_shop",
            "worker",
            "-c",
            "1",
            "-l",
            "ERROR",
            *QUICK,
        ]
        environment = {"SHOP_REDIS": server.url, "PYTHONPATH": str(HERE), "PATH": "/usr/bin:/bin"}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(worker, env=environment, cwd=tmp_path, **quiet) as running:
            try:
                sender = subprocess.run(
                    command, env=environment, capture_output=True, text=True, timeout=60, check=False
                )
            finally:
                running.terminate()
                running.wait(20)
        assert sender.stdout.split() == [f"{number}:True" for number in range(10)], sender.stderr
