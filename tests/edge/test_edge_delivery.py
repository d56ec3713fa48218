"""What edges are told: nothing is lost, nothing is said twice that need not be, and trouble is told."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from afresh import Cache, tag
from afresh.core.tags import hashed
from afresh.edge.delivery import Delivery
from afresh.edge.follow import Follower
from afresh.edge.keys import Keys
from afresh.edge.port import EVERYTHING, Purge, Undelivered
from afresh.edge.spool import Spool
from afresh.errors import ConfigurationError
from afresh.testing.servers import MemcachedServer, RedisServer
from afresh.testing.servers.process import wait_until


class Recorder:
    """An edge that remembers, and fails when it is told to."""

    batch = 3
    pace = 0.0

    def __init__(self, name: str = "edge", *, repeats: Sequence[float] = ()) -> None:
        self.name = name
        self.repeats = repeats
        self.calls: list[list[Purge]] = []
        self.failures: list[Exception] = []
        self.closed = False

    def purge(self, purges: Sequence[Purge]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.calls.append(list(purges))

    def said(self) -> set[str]:
        return {each.value or each.kind for call in self.calls for each in call}

    def close(self) -> None:
        self.closed = True


MENU = hashed(next(tag("menu").marked()))


def key(name: str, position: int = 1) -> Purge:
    return Purge("key", name, position)


@pytest.fixture
def spool(tmp_path: Path):
    spool = Spool(tmp_path / "spool")
    yield spool
    spool.close()


def test_what_was_noted_is_there_after_a_restart(tmp_path: Path) -> None:
    first = Spool(tmp_path / "spool")
    first.note(7, 100, [key("a"), key("b")], [("one", ()), ("two", (5.0,))], now=1000.0)
    first.done("one", [each for each in first.due("one", 1000.0, 9) if each.purge.value == "a"])
    first.close()
    second = Spool(tmp_path / "spool")
    assert second.reached() == (7, 100)
    assert [each.purge.value for each in second.due("one", 1000.0, 9)] == ["b"]
    assert second.waiting("two") == 4
    assert second.next_due("two") == 1000.0
    second.close()


def test_a_thing_noted_again_while_it_is_told_is_told_again(spool: Spool) -> None:
    spool.note(1, 10, [key("a")], [("edge", ())], now=0.0)
    under_way = spool.due("edge", 0.0, 9)
    spool.note(1, 11, [key("a", 11)], [("edge", ())], now=0.0)
    spool.done("edge", under_way)
    assert [each.purge for each in spool.due("edge", 0.0, 9)] == [key("a", 11)]


def test_a_clock_that_is_set_back_delays_nothing(spool: Spool) -> None:
    edge = Recorder(repeats=(2.0,))
    delivery = Delivery(edge, spool)
    spool.note(1, 10, [key("a", 10)], [(edge.name, edge.repeats)], now=1e9)
    assert delivery.step(1e9 - 3600)
    assert edge.calls == [[key("a", 10)]]
    spool.note(1, 11, [key("b", 11)], [(edge.name, edge.repeats)], now=1e9)
    assert not delivery.step(1e9 - 0.5), "its time has not come"
    assert delivery.step(1e9)


def test_repeats_come_when_they_are_due_and_count_as_one_with_what_is_due_too(spool: Spool) -> None:
    edge = Recorder(repeats=(2.0, 4.0))
    delivery = Delivery(edge, spool)
    spool.note(1, 10, [key("a", 10)], [(edge.name, edge.repeats)], now=0.0)
    assert delivery.step(0.0)
    assert not delivery.step(1.9)
    assert delivery.step(5.0)
    assert edge.calls == [[key("a", 10)], [key("a", 10)]]
    assert spool.waiting(edge.name) == 0


def test_many_things_go_in_batches_and_very_many_as_everything(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = Recorder()
    delivery = Delivery(edge, spool)
    spool.note(1, 10, [key(str(number)) for number in range(7)], [(edge.name, ())], now=0.0)
    while delivery.step(0.0):
        pass
    assert [len(call) for call in edge.calls] == [3, 3, 1]
    monkeypatch.setattr("afresh.edge.delivery._MANY", 5)
    spool.note(1, 10, [key(str(number)) for number in range(7)], [(edge.name, ())], now=0.0)
    edge.calls.clear()
    while delivery.step(0.0):
        pass
    assert edge.calls == [[EVERYTHING]]


def test_what_isnt_taken_is_said_again_and_told_once(spool: Spool) -> None:
    told: list[str] = []
    edge = Recorder()
    edge.failures = [Undelivered("no"), Undelivered("no"), ValueError("a mistake of its own")]
    delivery = Delivery(edge, spool, told.append)
    spool.note(1, 10, [key("a")], [(edge.name, ())], now=0.0)
    while delivery.step(0.0):
        pass
    assert edge.calls == [[key("a", 10)]]
    assert [line.partition(":")[0] for line in told] == [
        "a purge waits",
        "a purge waits",
        "edge takes purges again",
    ]


def test_an_edge_that_comes_back_is_told_at_once_what_changes_then(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afresh.edge.delivery._FIRST_PAUSE", 3600.0)
    monkeypatch.setattr("afresh.edge.delivery._LONGEST_PAUSE", 3600.0)
    edge = Recorder()
    edge.failures = [Undelivered("away")]
    delivery = Delivery(edge, spool, lambda line: None)
    delivery.start()
    spool.note(1, 10, [key("a")], [(edge.name, ())], now=time.time())
    delivery.wake()
    wait_until(lambda: not edge.failures, "an attempt")
    spool.note(1, 11, [key("b")], [(edge.name, ())], now=time.time())
    delivery.wake()
    wait_until(lambda: edge.said() == {"a", "b"}, "both")
    delivery.stop()


def test_edges_follow_what_any_process_marks(tmp_path: Path) -> None:
    with Cache(f"sqlite:///{tmp_path}/cache") as cache, Cache(f"sqlite:///{tmp_path}/cache") as other:
        edge = Recorder()
        with Follower(cache, [edge], folder=tmp_path / "edges", secret=b"s") as follower:
            assert follower.settled(5)
            assert edge.calls == [[EVERYTHING._replace(position=edge.calls[0][0].position)]], "a new follower"
            other.invalidate(tag("menu"))
            assert follower.settled(5)
            assert Keys(b"s").purged([MENU]) <= edge.said()
            assert follower.status()[0].waiting == 0
        assert edge.closed


@pytest.mark.servers
@pytest.mark.parametrize("server", [RedisServer, MemcachedServer])
def test_edges_follow_the_ledger_of_a_server(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "own"))
    with server(tmp_path / "server") as running, Cache(running.url) as cache, Cache(running.url) as other:
        edge = Recorder()
        with Follower(cache, [edge], folder=tmp_path / "edges") as follower:
            assert follower.settled(10)
            edge.calls.clear()
            other.invalidate(tag("menu"))
            wait_until(lambda: Keys().purged([MENU]) <= edge.said(), "the purge")
        assert "all" not in edge.said()


@pytest.mark.servers
@pytest.mark.parametrize("server", [RedisServer, MemcachedServer])
def test_a_server_that_has_forgotten_what_was_marked_has_all_dropped(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "own"))
    with server(tmp_path / "server") as running, Cache(running.url) as cache:
        edge = Recorder()
        with Follower(cache, [edge], folder=tmp_path / "edges", tell=lambda line: None) as follower:
            assert follower.settled(10)
            edge.calls.clear()
            running.kill()
            running.start()
            wait_until(lambda: "all" in edge.said(), "everything")


def test_what_is_marked_while_nobody_follows_is_told_later(tmp_path: Path) -> None:
    with Cache(f"sqlite:///{tmp_path}/cache") as cache:
        with Follower(cache, [Recorder()], folder=tmp_path / "edges") as follower:
            assert follower.settled(5)
        cache.invalidate(tag("menu"))
        edge = Recorder()
        with Follower(cache, [edge], folder=tmp_path / "edges") as follower:
            assert follower.settled(5)
        assert edge.said() == Keys().purged([MENU])


def test_what_nobody_remembers_drops_everything(tmp_path: Path) -> None:
    told: list[str] = []
    with (
        Cache(f"sqlite:///{tmp_path}/one") as cache,
        Follower(cache, [Recorder()], folder=tmp_path / "e") as follower,
    ):
        assert follower.settled(5)
    edge = Recorder()
    with (
        Cache(f"sqlite:///{tmp_path}/two") as cache,
        Follower(cache, [edge], folder=tmp_path / "e", tell=told.append) as follower,
    ):
        assert follower.settled(5)
    assert edge.said() == {"all"}
    assert "drop everything" in told[0]


def test_very_many_marks_at_once_are_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afresh.edge.follow._MANY", 10)
    with Cache("memory://") as cache:
        edge = Recorder()
        with Follower(cache, [edge], folder=tmp_path) as follower:
            assert follower.settled(5)
            edge.calls.clear()
            cache.invalidate(*[tag(number) for number in range(20)])
            assert follower.settled(5)
        assert edge.said() == {"all"}


def test_a_damaged_spool_is_begun_anew(tmp_path: Path) -> None:
    told: list[str] = []
    edge = Recorder()
    (tmp_path / "edges.sqlite").write_bytes(b"nonsense" * 1000)
    with Cache("memory://") as cache, Follower(cache, [edge], folder=tmp_path, tell=told.append) as follower:
        assert follower.settled(5)
    assert edge.said() == {"all"}
    assert "damaged" in told[0]


def test_a_spool_that_fails_for_a_while_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afresh.edge.delivery._SPOOL_PAUSE", 0.01)
    told: list[str] = []
    edge = Recorder()
    failures = [OSError("no room")] * 2
    due = Spool.due

    def failing(self: Spool, *arguments: object) -> object:
        if failures:
            raise failures.pop()
        return due(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Spool, "due", failing)
    with Cache("memory://") as cache, Follower(cache, [edge], folder=tmp_path, tell=told.append) as follower:
        assert follower.settled(5)
    assert edge.said() == {"all"}
    assert "no room" in told[0]


def test_one_process_tells_the_edges_and_another_takes_over(tmp_path: Path) -> None:
    one, two = Recorder(), Recorder()
    with Cache(f"sqlite:///{tmp_path}/cache") as cache:
        first = Follower(cache, [one], folder=tmp_path / "e")
        first.start()
        assert first.settled(5)
        with Follower(cache, [two], folder=tmp_path / "e") as second:
            cache.invalidate(tag("menu"))
            assert first.settled(5)
            assert not second.working
            with pytest.raises(ConfigurationError, match="another process"):
                second.drop("http://x/")
            first.close()
            wait_until(lambda: second.working, "a second follower")
            cache.invalidate(tag("menu"))
            assert second.settled(5)
            second.drop("http://shop.example/a")
            assert second.settled(5)
        assert "http://shop.example/a" in two.said()


def test_a_slow_edge_keeps_nobody_waiting(tmp_path: Path) -> None:
    class Slow(Recorder):
        def purge(self, purges: Sequence[Purge]) -> None:
            time.sleep(0.5)
            super().purge(purges)

    quick, slow = Recorder("quick"), Slow("slow")
    with Cache("memory://") as cache, Follower(cache, [slow, quick], folder=tmp_path) as follower:
        wait_until(lambda: quick.calls != [], "the first call")
        began = time.monotonic()
        cache.invalidate(tag("menu"))
        wait_until(lambda: len(quick.calls) > 1, "the second call")
        assert time.monotonic() - began < 0.4
        assert follower.settled(5)
    assert slow.said() == quick.said()


def test_two_edges_of_one_name_are_refused(tmp_path: Path) -> None:
    with Cache("memory://") as cache, pytest.raises(ConfigurationError, match="name"):
        Follower(cache, [Recorder(), Recorder()], folder=tmp_path)
