"""In the middle of load: the watcher is killed, PostgreSQL restarted, the slot dropped, Redis emptied. `strict` with
a table of versions stays true all the time; what the log is followed for is true again soon after."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from database_crew import DatabaseCrew

from afresh import Cache
from afresh.db import Database, dbapi
from afresh.db.watch import VersionTable
from afresh.db.watch.asking import Asker, connector
from afresh.testing.servers import PostgresServer, RedisServer
from sizes import seed, size

pytestmark = [pytest.mark.servers, pytest.mark.slow]

ROUNDS = size(1, 20)
_DROP = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'afresh watch';
    DO $$ BEGIN FOR n IN 1 .. 1000 LOOP
        IF EXISTS (SELECT 1 FROM pg_replication_slots WHERE slot_name = '{slot}' AND NOT active) THEN
            PERFORM pg_drop_replication_slot('{slot}'); EXIT;
        END IF;
        PERFORM pg_sleep(0.002);
    END LOOP; END $$
"""


class Trouble:
    """What happens to the servers, and to the watcher if there is one."""

    def __init__(
        self, server: PostgresServer, redis: RedisServer, crew: DatabaseCrew, *, watcher: bool
    ) -> None:
        self.server, self.redis, self.crew = server, redis, crew
        self.watcher = self._watch() if watcher else None

    def _watch(self) -> subprocess.Popen[str]:
        watcher = self.crew.start("watcher", 0)
        assert watcher.stdout is not None
        assert watcher.stdout.readline() == "ready\n"
        return watcher

    def acts(self) -> list[Callable[[], None]]:
        acts = [self.restart, self.crash, self.flush]
        return [*acts, self.kill_the_watcher, self.drop_the_slot] if self.watcher is not None else acts

    def restart(self) -> None:
        self.server.stop()
        self.server.start()

    def crash(self) -> None:
        self.server.kill()
        self.server.start()

    def flush(self) -> None:
        with self.redis.client() as client:
            client.flushall()

    def kill_the_watcher(self) -> None:
        assert self.watcher is not None
        self.watcher.kill()
        self.watcher.communicate()
        self.watcher = self._watch()

    def drop_the_slot(self) -> None:
        self.server.psql(_DROP.format(slot=self.crew.settings["slot"]), database=self.crew.settings["slot"])

    def wreak(self, chance: random.Random) -> None:
        for _ in range(ROUNDS):
            for act in chance.sample(self.acts(), len(self.acts())):
                act()
                time.sleep(chance.uniform(0.1, 0.3))

    def close(self) -> None:
        if self.watcher is not None:
            self.watcher.kill()
            self.watcher.communicate()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path / "postgres") as server:
        yield server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as redis:
        yield redis


def run(crew: DatabaseCrew, trouble: Trouble, capsys: pytest.CaptureFixture[str]) -> None:
    begun = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        # A server that is started by a thread ends with it: so here is where they are.
        working = pool.submit(
            crew.run, size(3.0, 150.0), readers=2, writers=1, strangers=1, meanwhile=begun.set
        )
        while not begun.wait(0.05):
            assert not working.done(), working.result()
        trouble.wreak(random.Random(seed()))
        working.result()
    with capsys.disabled():
        print(f"\n{crew.settings['consistency']}, in trouble: {crew}")
    assert crew.written > 10


def test_strict_with_a_table_of_versions_is_true_all_the_time(server, redis, tmp_path: Path, capsys) -> None:
    crew = DatabaseCrew(server, tmp_path / "crew", redis.url, seed(), versions=True, suicide=0.02, rows=12)
    with closing(Asker(connector(crew.settings["database"]))) as asker:
        VersionTable(asker).create()
    with closing(Trouble(server, redis, crew, watcher=False)) as trouble:
        run(crew, trouble, capsys)
    assert crew.counts["stale"] == 0


def test_what_is_watched_is_true_again_soon(
    server, redis, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew = DatabaseCrew(
        server, tmp_path / "crew", redis.url, seed(), consistency="bounded", rows=12, pause=0.05
    )
    with closing(Trouble(server, redis, crew, watcher=True)) as trouble:
        run(crew, trouble, capsys)
        monkeypatch.setenv("AFRESH_DIR", crew.settings["machine"])
        settled(crew)


def settled(crew: DatabaseCrew) -> None:
    """When all is over, everybody soon gets what is there: nothing is stuck."""
    with Cache(crew.settings["url"]) as cache, psycopg.connect(crew.settings["database"]) as raw:
        connection = dbapi.wrap(raw, Database("postgres"))
        versions = dict(raw.execute("SELECT id, version FROM stock").fetchall())
        raw.rollback()

        def load(row: int) -> int:
            found = connection.execute("SELECT version FROM stock WHERE id = %s", [row]).fetchall()[0][0]
            connection.rollback()
            return int(found)

        # The names of what the readers have cached.
        cached = [cache.cached(prefix=f"version{number}")(load) for number in range(2)]
        end = time.monotonic() + 60
        while any(each(row) != version for each in cached for row, version in versions.items()):
            assert time.monotonic() < end, "an old value stays"
            time.sleep(0.05)
