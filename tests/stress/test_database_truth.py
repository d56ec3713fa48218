"""PostgreSQL, several writers of each row, some of whom die between COMMIT and the announcement, and readers in
other processes: `strict` gives nobody less than was known to be committed before it asked, `bounded` nobody
what has been old for longer than the bound. Each run is shown to fail without the rule that it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from database_crew import DatabaseCrew
from standby import SlowStandby

from afresh.db.watch import VersionTable
from afresh.db.watch.asking import Asker, connector
from afresh.testing.servers import PostgresServer, RedisServer
from sizes import seed, size

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SECONDS, MANY = size((2.0, 2), (300.0, 4))
BOUND = 1.0 + 0.1  # max_stale, and what a busy machine takes to look at its clock
ROUNDS = 8
"""What a defect does is a matter of chance: in so many rounds it has to be seen."""

LEDGERS = ["machine", "redis"]
SOME = size(["machine"], LEDGERS)
OTHER = size(["redis"], LEDGERS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture
def url(request: pytest.FixtureRequest, redis: RedisServer) -> str:
    with redis.client() as client:
        client.flushall()
    return redis.url if request.param == "redis" else "sqlite:///{folder}/cache"


def report(crew: DatabaseCrew, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{crew.settings['consistency']}: {crew}")


def covered(crew: DatabaseCrew) -> None:
    with closing(Asker(connector(crew.settings["database"]))) as asker:
        VersionTable(asker).create()


@pytest.mark.parametrize("url", SOME, indirect=True)
def test_strict_sees_what_the_application_wrote(server, url: str, tmp_path: Path, capsys) -> None:
    crew = DatabaseCrew(server, tmp_path, url, seed(), suicide=0.03)
    crew.run(SECONDS, readers=MANY, writers=MANY, kill=True)
    report(crew, capsys)
    assert crew.counts["stale"] == 0
    assert crew.counts["loads"] < 0.9 * crew.counts["reads"]
    assert crew.written > size(10, 1000)
    assert crew.killed > 0


@pytest.mark.parametrize("url", OTHER, indirect=True)
def test_strict_sees_what_others_wrote(server, url: str, tmp_path: Path, capsys) -> None:
    crew = DatabaseCrew(server, tmp_path, url, seed(), suicide=0.03, versions=True)
    covered(crew)
    crew.run(SECONDS, readers=MANY, writers=MANY // 2, strangers=MANY, kill=True)
    report(crew, capsys)
    assert crew.counts["stale"] == 0
    assert crew.counts["loads"] < 0.9 * crew.counts["reads"]
    assert crew.written > size(10, 1000)


@pytest.mark.parametrize("url", ["machine"], indirect=True)
def test_without_the_intent_a_dead_writer_leaves_something_stale(
    server, url: str, tmp_path: Path, capsys
) -> None:
    crew = DatabaseCrew(server, tmp_path, url, seed(), suicide=0.5, defect="no intent", rows=16)
    for _ in range(ROUNDS):
        crew.run(SECONDS, readers=MANY, writers=2)
        if crew.counts["stale"]:
            break
    report(crew, capsys)
    assert crew.killed > 0
    assert crew.counts["stale"] > 0


def watched(server: PostgresServer, crew: DatabaseCrew, seconds: float, delay: float = 0.005) -> None:
    """A watcher announces what strangers write; commits are in the log before anybody sees them."""
    with ExitStack() as stack:
        watcher = crew.start("watcher", seconds)
        stack.callback(watcher.wait)
        stack.callback(watcher.stdin.close)
        stack.enter_context(watcher.stdout)
        assert watcher.stdout.readline() == "ready\n"
        stack.enter_context(SlowStandby(server, delay))
        crew.run(seconds, readers=MANY, writers=MANY // 2, strangers=MANY)
        assert watcher.poll() is None


@pytest.mark.parametrize("url", SOME, indirect=True)
def test_bounded_is_no_older_than_its_bound(server, url: str, tmp_path: Path, capsys) -> None:
    crew = DatabaseCrew(
        server, tmp_path, url, seed(), consistency="bounded", rows=48, pause=0.2, suicide=0.02
    )
    watched(server, crew, SECONDS + 1)
    report(crew, capsys)
    assert crew.oldest_ms <= BOUND * 1000
    assert crew.counts["loads"] < 0.9 * crew.counts["reads"]
    assert crew.written > size(10, 1000)


@pytest.mark.parametrize("url", ["machine"], indirect=True)
def test_without_the_barrier_old_values_stay(server, url: str, tmp_path: Path, capsys) -> None:
    crew = DatabaseCrew(
        server, tmp_path, url, seed(), consistency="bounded", rows=12, pause=2.0, defect="no barrier"
    )
    for _ in range(ROUNDS):
        watched(server, crew, 4.0, delay=0.02)
        if crew.oldest_ms > BOUND * 1000:
            break
    report(crew, capsys)
    assert crew.oldest_ms > BOUND * 1000
