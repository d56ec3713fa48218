"""Captured writes reach every ledger that is open in the process, and outlive the process that made them."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import db_writer
import pytest
from db_faces import prepare_sqlite

from afresh import Cache, Row
from afresh.db import AsyncStatements, Database, dbapi
from afresh.errors import BackendError, NotInvalidated
from afresh.testing.servers import MemcachedServer, RedisServer


@pytest.fixture
def path(tmp_path: Path) -> str:
    return prepare_sqlite(tmp_path)


@pytest.fixture
def connection(path: str) -> Iterator[Any]:
    connection = dbapi.wrap(sqlite3.connect(path), Database("sqlite"))
    yield connection
    connection.close()


def price_of(cache: Cache, connection: Any) -> Callable[[int], int]:
    @cache.cached
    def price(id: int) -> int:
        return int(connection.execute("SELECT price FROM product WHERE id = ?", (id,)).fetchall()[0][0])

    return price


def change(connection: Any, price: int) -> None:
    connection.execute("UPDATE product SET price = ? WHERE id = 1", (price,))
    connection.commit()


def test_every_cache_hears_of_it(connection: Any, tmp_path: Path) -> None:
    urls = ["memory://", "memory://", f"sqlite:///{tmp_path}/one", f"sqlite:///{tmp_path}/two"]
    with ExitStack() as stack:
        caches = [stack.enter_context(Cache(url)) for url in urls]
        prices = [price_of(cache, connection) for cache in caches]
        assert [price(1) for price in prices] == [10, 10, 10, 10]
        change(connection, 11)
        assert [price(1) for price in prices] == [11, 11, 11, 11]


def test_two_caches_of_one_ledger_are_told_once(connection: Any, tmp_path: Path) -> None:
    with (
        Cache(f"sqlite:///{tmp_path}/one") as one,
        Cache(f"sqlite:///{tmp_path}/one", namespace="b") as other,
    ):
        prices = [price_of(one, connection), price_of(other, connection)]
        assert [price(1) for price in prices] == [10, 10]
        before = one._engine.ledger.position()
        change(connection, 11)
        alone = one._engine.ledger.position() - before
        assert [price(1) for price in prices] == [11, 11]
    with Cache(f"sqlite:///{tmp_path}/two") as cache:
        before = cache._engine.ledger.position()
        change(connection, 12)
        assert cache._engine.ledger.position() - before == alone


def test_one_that_opts_out_hears_nothing(connection: Any) -> None:
    with Cache("memory://", capture=False) as out, Cache("memory://") as cache:
        silent, price = price_of(out, connection), price_of(cache, connection)
        assert (silent(1), price(1)) == (10, 10)
        change(connection, 11)
        assert (silent(1), price(1)) == (10, 11)


def test_a_closed_one_is_left_alone(connection: Any) -> None:
    with Cache("memory://"):
        pass
    with Cache("memory://") as cache:
        price = price_of(cache, connection)
        assert price(1) == 10
        change(connection, 11)
        assert price(1) == 11


def test_one_opened_between_intent_and_commit_hears_of_it(connection: Any) -> None:
    connection.execute("UPDATE product SET price = 11 WHERE id = 1")
    with ExitStack() as stack:
        late: list[Any] = []

        def commit() -> None:
            cache = stack.enter_context(Cache("memory://"))
            late.append(price_of(cache, other))
            assert late[0](1) == 10
            connection._raw.commit()

        other = dbapi.wrap(sqlite3.connect(connection.execute("PRAGMA database_list").fetchall()[0][2]))
        connection._driven.committing(commit)
        assert late[0](1) == 11
        other.close()


# When a ledger can't be written.


class _Broken:
    """A ledger that can't be written."""

    def __init__(self, ledger: Any, what: str) -> None:
        self._ledger, self._what = ledger, what

    async def _fail(self, *_: Any, **__: Any) -> int:
        raise BackendError("the server is away")

    def __getattr__(self, name: str) -> Any:
        return self._fail if name in self._what.split() else getattr(self._ledger, name)


def test_strict_would_rather_not_have_the_change(connection: Any) -> None:
    with Cache("memory://", consistency="strict") as cache, Cache("memory://") as other:
        price = price_of(other, connection)
        assert price(1) == 10
        cache._engine.ledger = _Broken(cache._engine.ledger, "intend")
        connection.execute("UPDATE product SET price = 11 WHERE id = 1")
        with pytest.raises(BackendError, match="away"):
            connection.commit()
        connection.rollback()
        assert price(1) == 10
        assert connection.execute("SELECT price FROM product WHERE id = 1").fetchall() == [(10,)]


def test_bounded_commits_and_announces_afterwards(connection: Any) -> None:
    with Cache("memory://") as cache:
        price = price_of(cache, connection)
        assert price(1) == 10
        cache._engine.ledger = _Broken(cache._engine.ledger, "intend")
        change(connection, 11)
        assert price(1) == 11


def test_an_announcement_that_fails_is_told_and_the_others_are_made(connection: Any) -> None:
    with Cache("memory://") as one, Cache("memory://") as other:
        price = price_of(other, connection)
        assert price(1) == 10
        one._engine.ledger = _Broken(one._engine.ledger, "settle announce")
        connection.execute("UPDATE product SET price = 11 WHERE id = 1")
        with pytest.raises(NotInvalidated):
            connection.commit()
        assert price(1) == 11


# Processes.


def run_writer(*arguments: object) -> None:
    command = [sys.executable, db_writer.__file__, *map(str, arguments)]
    subprocess.run(command, check=True, timeout=60)


@pytest.mark.slow
def test_another_process_writes(path: str, connection: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/folder"
    with Cache(url) as cache:
        price = price_of(cache, connection)
        assert price(1) == 10
        run_writer(path, url, 11)
        assert price(1) == 11


@pytest.mark.slow
@pytest.mark.parametrize(("dies", "expected"), [("after", 11), ("before", 10)])
def test_a_writer_that_dies_around_commit_leaves_nothing_stale(
    dies: str, expected: int, path: str, connection: Any, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/folder"
    with Cache(url, consistency="strict") as cache, Cache(url, namespace="bounded") as within_a_bound:
        price, other = price_of(cache, connection), price_of(within_a_bound, connection)
        assert (price(1), other(1)) == (10, 10)
        run_writer(path, url, 11, dies)
        assert price(1) == expected
        bound = time.monotonic() + 20
        while other(1) != expected:
            assert time.monotonic() < bound
        assert (price(1), other(1)) == (expected, expected)


@pytest.mark.slow
@pytest.mark.servers
@pytest.mark.parametrize("kind", ["redis", "memcached"])
def test_servers_hear_of_it_too(
    kind: str, path: str, connection: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "machine"))
    server: Any = RedisServer(tmp_path) if kind == "redis" else MemcachedServer(tmp_path)
    with server, Cache(server.url) as cache, Cache("memory://") as here:
        price, local = price_of(cache, connection), price_of(here, connection)
        assert (price(1), local(1)) == (10, 10)
        change(connection, 11)
        assert (price(1), local(1)) == (11, 11)
        run_writer(path, server.url, 12)
        assert price(1) == 12


def test_a_task_that_is_cancelled_while_it_announces_has_announced(path: str) -> None:
    """COMMIT is made: whoever reads next must not get the old value."""

    async def main() -> None:
        raw = sqlite3.connect(path, isolation_level=None)
        with Cache("memory://") as cache:
            statements = AsyncStatements(Database("sqlite"), _run(raw))
            price = cache.cached(prefix="price")(lambda: _price(raw, cache))
            assert price() == 10
            statements.begin()
            raw.execute("BEGIN")
            running = await statements.before("UPDATE product SET price = 11 WHERE id = 1")
            raw.execute("UPDATE product SET price = 11 WHERE id = 1")
            await statements.after(running, 1)
            await statements.before_commit()
            raw.execute("COMMIT")
            ledger = cache._engine.ledger
            cache._engine.ledger = _Slow(ledger)
            task = asyncio.create_task(statements.after_commit())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            cache._engine.ledger = ledger
            assert price() == 11
        raw.close()

    asyncio.run(main())


def _run(raw: sqlite3.Connection) -> Any:
    async def run(sql: str, parameters: Any) -> Any:
        return raw.execute(sql, parameters).fetchall()

    return run


def _price(raw: sqlite3.Connection, cache: Cache) -> Any:
    cache.depends_on(Row("product", 1, columns=["price"]))
    return raw.execute("SELECT price FROM product WHERE id = 1").fetchone()[0]


class _Slow:
    """A ledger on a server that takes its time, the first time."""

    def __init__(self, ledger: Any) -> None:
        self._ledger, self._quick = ledger, False

    async def settle(self, intent: int, *, announce: bool) -> int:
        if not self._quick:
            self._quick = True
            await asyncio.sleep(60)
        position: int = await self._ledger.settle(intent, announce=announce)
        return position

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)
