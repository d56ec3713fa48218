"""`afresh watch` in a process of its own: readers elsewhere hear of it, by the machine's ledger and by Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from watch_shop import Shop, until

from afresh import Cache
from afresh.testing.servers import PostgresServer, RedisServer

pytestmark = [pytest.mark.servers, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(params=["machine", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "machine":
        yield f"sqlite:///{tmp_path / 'cache'}"
        return
    with RedisServer(tmp_path) as redis:
        yield redis.url


@pytest.fixture
def shop(server: PostgresServer, url: str) -> Iterator[Shop]:
    with Cache(url) as cache:
        shop = Shop(server, cache)
        yield shop
        shop.close()


def afresh(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from afresh.cli import main; main()", *arguments]


@contextmanager
def watching(shop: Shop, url: str) -> Iterator[subprocess.Popen[str]]:
    command = afresh("watch", shop.url, "--cache", url, "--slot", shop.name, "--full", "all")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("following"):
                    break
            yield process
        finally:
            process.kill()


def test_readers_in_other_processes_hear_of_it(shop, url):
    with watching(shop, url) as process:
        assert shop.product(1)[0][0] == "p1"
        shop.product(2)
        shop.psql("UPDATE product SET name = 'new' WHERE id = 1")
        until(lambda: shop.product(1)[0][0] == "new")
        shop.loads.clear()
        shop.product(2)
        assert shop.loads == []
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stdout is not None
        assert "lag" in process.stdout.read()


def test_a_watcher_that_is_killed_misses_nothing(shop, url):
    for round_ in range(3):
        with watching(shop, url) as process:
            for id_ in range(1, 11):
                shop.product(id_)
            writer = psycopg.connect(shop.url, autocommit=True)
            for id_ in range(1, 11):
                writer.execute("UPDATE product SET name = %s WHERE id = %s", (f"round {round_}", id_))
                if id_ == 5:
                    os.kill(process.pid, signal.SIGKILL)
            writer.close()
    with watching(shop, url):
        until(lambda: {shop.product(id_)[0][0] for id_ in range(1, 11)} == {"round 2"})


def test_from_commit_to_invalidated(shop, url):
    """Printed, for the table of figures; the bound is for machines that are very busy."""
    with watching(shop, url), psycopg.connect(shop.url, autocommit=True) as writer:
        took = []
        for number in range(300):
            shop.product(1)
            writer.execute("UPDATE product SET name = %s WHERE id = 1", (f"n{number}",))
            began = time.perf_counter()
            while shop.product(1)[0][0] != f"n{number}":
                time.sleep(0)
            took.append(time.perf_counter() - began)
        took.sort()
        print(
            f"\ncommit to fresh value: p50 {took[150] * 1000:.2f} ms, p99 {took[297] * 1000:.2f} ms ({url[:6]})"
        )
        assert took[150] < 1.0


def test_looking_and_dropping(shop, url):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = afresh("watch", shop.url, "--slot", shop.name, *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=False)

    looked = run("--check")
    assert looked.returncode == 1
    assert "there is no slot" in looked.stdout
    with watching(shop, url):
        looked = run("--check")
        assert looked.returncode == 0, looked.stdout
        assert "read now" in looked.stdout
        assert "of log kept" in looked.stdout
        assert run("--drop").returncode == 1
    until(lambda: run("--drop").returncode == 0)
    assert shop.psql("SELECT count(*) FROM pg_publication") == "0"
    wrong = run("--volatile", "views", "--cache", url)
    assert wrong.returncode == 1
    assert "TABLE.COLUMN" in wrong.stderr
