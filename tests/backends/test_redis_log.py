"""The log on Redis: numbers without holes, records as they were written, and what begins a new epoch."""

# ruff: noqa: F811 - fixtures are imported

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from redis_room import another, empty, place  # noqa: F401  fixtures

from afresh.backends.redis import records
from afresh.backends.redis.log import RedisLog, ledger_keys
from afresh.backends.replica.remote import NOWHERE, Position, Record, What, numbers
from afresh.errors import BackendError
from afresh.testing.contracts.worlds import BothWorlds, DrivingWorld

pytestmark = [pytest.mark.servers, pytest.mark.slow]

LARGE = 2**64 - 1
ODD = 2**63 + 11
Another = Callable[[Any], Any]


class TestRedisLog(BothWorlds):
    @pytest.fixture
    def log(self, empty: Any, another: Another) -> Any:
        log = RedisLog(another(empty), "0", timeout=5.0)
        yield log
        log.close()

    @pytest.fixture
    def second(self, log: RedisLog, place: Any, another: Another) -> Any:
        second = RedisLog(another(place), "0", timeout=5.0)
        yield second
        second.close()

    def test_it_begins_at_microseconds_since_1970(self, log: RedisLog, world: DrivingWorld) -> None:
        snapshot = world(log.load(NOWHERE))
        assert abs(snapshot.to.at / 1e6 - time.time()) < 60
        assert snapshot.to.epoch > 0
        assert snapshot.floor == snapshot.to.at
        assert snapshot.slots == struct.pack("<Q", snapshot.to.at) * log.slots
        assert snapshot.intents == ()
        assert world(log.load(NOWHERE)) == snapshot

    @pytest.mark.parametrize(
        ("what", "tags", "intent", "owner"),
        [
            (What.MARK, (1,), 0, 0),
            (What.MARK, (LARGE, ODD, 1, LARGE), 0, 0),
            (What.MARK, tuple(range(1, 3_000)), 0, 0),
            (What.INTENT, (LARGE, 7), 0, LARGE),
            (What.INTENT, (), 0, 5),
            (What.SETTLE, (ODD,), 2**52, 3),
            (What.SETTLE, (), 2**52, 3),
            (What.EVERYTHING, (), 0, 0),
        ],
    )
    def test_records_are_read_as_they_were_written(
        self, log: RedisLog, second: RedisLog, world: DrivingWorld,
        what: What, tags: tuple[int, ...], intent: int, owner: int,
    ) -> None:  # fmt: skip
        before = world(log.load(NOWHERE)).to
        to, record = world(log.append(what, tags, known=before, intent=intent, owner=owner))
        assert record == Record(before.at + 1, before.at + numbers(what, tags), what, tags, intent, owner)
        assert to == Position(before.epoch, record.last)
        assert world(second.read(before)) == (to, (record,))
        assert world(second.read(to)) == (to, ())
        assert world(second.confirm(to)) == to

    def test_slots_have_the_last_number_of_their_tags(self, log: RedisLog, world: DrivingWorld) -> None:
        start = world(log.load(NOWHERE)).to
        tags = (LARGE, 5, 65_536 + 5, ODD)
        world(log.append(What.MARK, tags, known=start))
        world(log.append(What.SETTLE, (9,), known=start, intent=1, owner=1))
        slots = world(log.load(start)).slots
        assert slots is not None
        words = struct.unpack(f"<{log.slots}Q", slots)
        expected = {65_535: 1, 5: 3, ODD & 65_535: 4, 9: 5}
        assert {slot: word - start.at for slot, word in enumerate(words) if word != start.at} == expected

    def test_a_mark_of_nothing_moves_nothing(self, log: RedisLog, world: DrivingWorld) -> None:
        start = world(log.load(NOWHERE)).to
        to, record = world(log.append(What.MARK, (), known=start))
        assert to == start
        assert (record.first, record.last) == (start.at + 1, start.at)

    def test_everything_raises_the_floor(self, log: RedisLog, world: DrivingWorld) -> None:
        start = world(log.load(NOWHERE)).to
        to, _ = world(log.append(What.EVERYTHING, (), known=start))
        assert world(log.load(to)).floor == to.at

    def test_intents_stand_until_they_are_settled(self, log: RedisLog, world: DrivingWorld) -> None:
        start = world(log.load(NOWHERE)).to
        opened = [world(log.append(What.INTENT, (tag,), known=start, owner=9))[1] for tag in (7, LARGE)]
        assert world(log.load(start)).intents == tuple(opened)
        world(log.append(What.SETTLE, (7,), known=start, intent=opened[0].first, owner=9))
        assert world(log.load(start)).intents == (opened[1],)

    def test_there_is_an_end_to_intents(
        self, log: RedisLog, world: DrivingWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("afresh.backends.redis.log._MOST_INTENTS", 2)
        for _ in range(2):
            world(log.append(What.INTENT, (7,), known=NOWHERE, owner=9))
        with pytest.raises(BackendError, match="too many intents"):
            world(log.append(What.INTENT, (7,), known=NOWHERE, owner=9))
        world(log.append(What.MARK, (7,), known=NOWHERE))

    def test_two_writers_get_different_numbers_without_holes(
        self, log: RedisLog, second: RedisLog, world: DrivingWorld
    ) -> None:
        start = world(log.load(NOWHERE)).to

        def writer(mine: RedisLog, size: int) -> Any:
            async def write(_: object) -> list[Record]:
                known, written = start, []
                for _ in range(50):
                    known, record = await mine.append(What.MARK, range(1, size + 1), known=known)
                    written.append(record)
                return written

            return write

        first_ones, others = world.together(writer(log, 1), writer(second, 3))
        in_order = sorted([*first_ones, *others])
        assert world(log.read(start)).records == tuple(in_order)
        assert in_order[0].first == start.at + 1
        assert all(one.last + 1 == other.first for one, other in pairwise(in_order))

    def test_the_log_is_trimmed_and_a_reader_sees_that(
        self, empty: Any, another: Another, world: DrivingWorld
    ) -> None:
        log = RedisLog(another(empty), "0", timeout=5.0, kept=2_000)
        start = world(log.load(NOWHERE)).to
        for _ in range(60):
            to, _ = world(log.append(What.MARK, range(1, 101), known=start))
        log.close()
        passage = world(log.read(start))
        assert passage.to == to
        assert start.at + 1 < passage.records[0].first <= to.at - 2_000
        assert passage.records[-1].last == to.at

    # -- another epoch --------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "lost", ["flushall", "meta", "log", "slots", "foreign meta", "foreign log", "short"]
    )
    @pytest.mark.parametrize("act", ["load", "append", "read", "confirm"])
    def test_whatever_is_lost_begins_an_epoch_above_all_numbers(
        self, log: RedisLog, second: RedisLog, world: DrivingWorld, empty: Any, lost: str, act: str
    ) -> None:
        start = world(log.load(NOWHERE)).to
        ahead, _ = world(log.append(What.MARK, range(1, 1_000), known=start))
        _lose(empty, lost)
        acts = {
            "load": lambda: second.load(NOWHERE),
            "append": lambda: second.append(What.MARK, (5,), known=NOWHERE),
            "read": lambda: second.read(start),
            "confirm": lambda: second.confirm(NOWHERE),
        }
        world(acts[act]())
        now = world(log.confirm(ahead))
        assert now.epoch != start.epoch
        assert now.at > ahead.at
        snapshot = world(log.load(now))
        assert ahead.at < snapshot.floor <= now.at
        assert world(log.read(ahead)).records == ()
        assert world(log.confirm(now)) == now, "and that one stays"

    def test_a_server_that_is_behind_begins_an_epoch(self, log: RedisLog, world: DrivingWorld) -> None:
        start = world(log.load(NOWHERE)).to
        future = Position(start.epoch, start.at + 10**9)
        to, record = world(log.append(What.MARK, (5,), known=future))
        assert to.epoch != start.epoch
        assert record.first > future.at
        assert world(log.load(to)).floor > future.at

    def test_standing_intents_outlive_an_epoch_where_they_can(
        self, log: RedisLog, world: DrivingWorld, empty: Any
    ) -> None:
        _, opened = world(log.append(What.INTENT, (7,), known=NOWHERE, owner=9))
        _lose(empty, "slots")
        snapshot = world(log.load(NOWHERE))
        assert snapshot.intents == (opened,)
        world(log.append(What.SETTLE, (7,), known=snapshot.to, intent=opened.first, owner=9))
        assert world(log.load(NOWHERE)).intents == ()

    # -- following ------------------------------------------------------------------------------

    def test_a_follower_is_told_at_once(self, log: RedisLog, second: RedisLog, world: DrivingWorld) -> None:
        start = world(log.load(NOWHERE)).to
        assert second.follow(start, 0.01) == (start, ())
        passages: list[Any] = []
        thread = threading.Thread(target=lambda: passages.append(second.follow(start, 20.0)))
        thread.start()
        began = time.monotonic()
        to, record = world(log.append(What.MARK, (5,), known=start))
        thread.join(10)
        assert passages == [(to, (record,))]
        assert time.monotonic() - began < 5

    def test_what_the_machine_has_is_no_news_to_its_follower(
        self, log: RedisLog, second: RedisLog, world: DrivingWorld
    ) -> None:
        start = world(log.load(NOWHERE)).to
        second.follow(start, 0.01)
        to, own = [world(log.append(What.MARK, (tag, 5), known=start)) for tag in range(3)][-1]
        second.seen = lambda: own.last
        began = time.monotonic()
        assert second.follow(start, 0.05) == (to, ())
        assert time.monotonic() - began >= 0.05
        to, record = world(log.append(What.MARK, (7,), known=start))
        assert second.follow(start, 20.0).records[-1] == record
        assert second.follow(to._replace(at=record.first - 1), 20.0) == (to, (record,))

    def test_a_follower_asks_for_what_it_took_for_seen(
        self, log: RedisLog, second: RedisLog, world: DrivingWorld
    ) -> None:
        """The machine's copy was replaced: it is behind again."""
        start = world(log.load(NOWHERE)).to
        second.follow(start, 0.01)
        to, record = world(log.append(What.MARK, (5,), known=start))
        second.seen = lambda: to.at
        assert second.follow(start, 0.01) == (to, ())
        second.seen = lambda: start.at
        assert second.follow(start, 20.0) == (to, (record,))

    def test_a_follower_waits_as_long_as_it_was_told(self, log: RedisLog, world: DrivingWorld) -> None:
        start = world(log.load(NOWHERE)).to
        log.follow(start, 0.01)
        began = time.monotonic()
        assert log.follow(start, 0.2) == (start, ())
        assert time.monotonic() - began >= 0.2

    def test_a_follower_hears_of_a_new_epoch(
        self, log: RedisLog, second: RedisLog, world: DrivingWorld, empty: Any
    ) -> None:
        start = world(log.load(NOWHERE)).to
        second.follow(start, 0.01)
        _lose(empty, "flushall")
        passage = second.follow(start, 0.05)
        assert passage.to.epoch != start.epoch
        assert passage.to.at > start.at
        assert passage.records == ()

    def test_close_ends_a_wait(self, second: RedisLog, world: DrivingWorld) -> None:
        start = world(second.load(NOWHERE)).to
        second.follow(start, 0.01)
        ended: list[BaseException] = []

        def follow() -> None:
            try:
                second.follow(start, 20.0)
            except BackendError as error:
                ended.append(error)

        thread = threading.Thread(target=follow)
        thread.start()
        time.sleep(0.05)  # it may also be closed before it waits
        began = time.monotonic()
        second.close()
        thread.join(10)
        assert ended
        assert time.monotonic() - began < 5
        with pytest.raises(BackendError, match="closed"):
            second.follow(start, 0.01)


def _lose(place: Any, what: str) -> None:
    meta, log, slots = ledger_keys("0")
    acts: dict[str, Callable[[Any], Any]] = {
        "flushall": lambda client: client.flushall(),
        "meta": lambda client: client.delete(meta),
        "log": lambda client: client.delete(log),
        "slots": lambda client: client.delete(slots),
        "foreign meta": lambda client: client.set(meta, "?"),
        "foreign log": lambda client: client.delete(log) and client.lpush(log, "?"),
        "short": lambda client: client.set(slots, "?"),
    }
    for server in getattr(place, "servers", (place,)):
        with server.client() as client:
            if len(client.keys("afresh{*")) == 3:
                acts[what](client)


def test_a_record_of_a_later_release_is_an_error() -> None:
    with pytest.raises(BackendError, match="can't read"):
        records.read(5, b"\x09" + bytes(16))
    with pytest.raises(BackendError, match="can't read"):
        records.read(5, b"\x01")


def test_names_of_ledgers_are_tags_of_their_own() -> None:
    keys = {ledger_keys(name) for name in ("0", "{0}", "%7B0%7D", "shop")}
    assert len(keys) == 4
    assert all(key.count("{") == key.count("}") == 1 for each in keys for key in each)
