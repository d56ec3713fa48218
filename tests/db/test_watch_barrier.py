"""A commit is announced once others see it, not when it is in the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from watch_shop import Shop, until

from afresh import Cache
from afresh.db.watch.barrier import Barrier, Unseen, unseen
from afresh.testing.servers import PostgresServer


@pytest.mark.parametrize(
    ("snapshot", "left"),
    [
        ("100:105:", set()),
        ("100:105:101,102", {101}),
        ("100:103:", {103, 104}),
        ("100:101:", {101, 103, 104}),
    ],
)
def test_a_snapshot_says_what_is_seen(snapshot, left):
    assert unseen(snapshot, {99, 101, 103, 104}) == left


def test_numbers_of_transactions_begin_anew_after_four_billion():
    epoch = 2**32
    assert unseen(f"{epoch - 1}:{epoch + 5}:", {2**32 - 2, 3}) == set()
    assert unseen(f"{epoch - 9}:{epoch - 1}:", {2**32 - 2, 3}) == {3}
    assert unseen(f"{epoch + 3}:{epoch + 5}:{epoch + 3}", {3, 4}) == {3}


def test_it_asks_until_all_are_seen():
    answers = iter(["7:8:7", "7:8:7", "8:9:"])
    slept: list[float] = []
    Barrier(lambda sql: next(answers), slept.append).wait([7, 8])
    assert len(slept) == 2
    assert list(answers) == []


def test_it_asks_nothing_when_there_is_nothing_to_wait_for():
    Barrier(lambda sql: pytest.fail("asked")).wait([])


def test_nobody_waits_for_ever():
    with pytest.raises(Unseen):
        Barrier(lambda sql: "7:8:7", lambda seconds: None).wait([7], lambda: True)


def test_running_transactions():
    assert Barrier(lambda sql: f"7:9:7,{2**32 + 8}").running() == {7, 8}
    assert Barrier(lambda sql: "7:9:").running() == set()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


def _standby(server: PostgresServer, names: str) -> None:
    """While a replica is waited for that isn't there, commits are in the log and nobody sees them."""
    server.psql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'; SELECT pg_reload_conf()")
    until(lambda: server.psql("SHOW synchronous_standby_names") == names)


def _read_while_a_commit_is_not_seen(
    server: PostgresServer, shop: Shop, watched: threading.Event
) -> list[list[object]]:
    """What is cached in the end, when a value is read between the log and the commit's end."""
    with shop.watched() as watcher:
        shop.product(1)
        _standby(server, "nobody")
        writer = threading.Thread(target=shop.psql, args=("UPDATE product SET name = 'new' WHERE id = 1",))
        try:
            writer.start()
            until(
                lambda: "SyncRep" in server.psql("SELECT string_agg(wait_event, ',') FROM pg_stat_activity")
            )
            watched.wait(0.3)
            assert shop.product(1)[0][0] == "p1"  # nobody sees the new one
        finally:
            _standby(server, "")
            writer.join()
        until(lambda: watcher.status.transactions > 0)
        return shop.product(1)


@pytest.mark.servers
def test_a_commit_that_others_do_not_see_is_not_announced(server, tmp_path: Path):
    with Cache("memory://") as cache:
        shop = Shop(server, cache)
        assert _read_while_a_commit_is_not_seen(server, shop, threading.Event())[0][0] == "new"


@pytest.mark.servers
def test_without_waiting_an_old_value_would_stay(server, monkeypatch: pytest.MonkeyPatch):
    """The test above can fail."""
    early = threading.Event()
    monkeypatch.setattr(Barrier, "wait", lambda *_: early.set())
    with Cache("memory://") as cache:
        shop = Shop(server, cache)
        began = time.monotonic()
        assert _read_while_a_commit_is_not_seen(server, shop, early)[0][0] == "p1"
        assert time.monotonic() - began < 30
