"""The log on a real memcached: records as they were written, what begins another life, who is killed in between."""

# ruff: noqa: F811 - fixtures are imported

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from memcached_room import PATIENT, Place, another, empty, place  # noqa: F401  fixtures

from afresh.backends.memcached.client import Request
from afresh.backends.memcached.connect import MemcachedClient, open_client
from afresh.backends.memcached.log.holes import PATIENCE
from afresh.backends.memcached.log.log import MOST, MemcachedLog
from afresh.backends.replica.remote import NOWHERE, Position, Record, What, numbers
from afresh.errors import BackendError
from afresh.runtime.drive import drive
from afresh.testing.contracts.worlds import BothWorlds, DrivingWorld
from afresh.testing.servers import MemcachedServer
from afresh.testing.servers.process import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

LARGE = 2**64 - 1
ODD = 2**63 + 11
Another = Callable[[Place], MemcachedClient]


class TestMemcachedLog(BothWorlds):
    @pytest.fixture
    def log(self, empty: Place, another: Another) -> Iterator[MemcachedLog]:
        log = MemcachedLog(another(empty), timeout=5.0)
        yield log
        log.close()

    @pytest.fixture
    def second(self, log: MemcachedLog, place: Place, another: Another) -> Iterator[MemcachedLog]:
        second = MemcachedLog(another(place), timeout=5.0)
        yield second
        second.close()

    def test_it_begins_at_microseconds_since_1970(self, log: MemcachedLog, world: DrivingWorld) -> None:
        snapshot = world(log.load(NOWHERE))
        assert abs(snapshot.to.at / 1e6 - time.time()) < 60
        assert snapshot.to.epoch > 0
        assert snapshot.floor == snapshot.to.at
        assert (snapshot.slots, snapshot.intents) == (None, ())
        assert world(log.load(NOWHERE)) == snapshot
        assert log.stands() == snapshot.to

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
        self, log: MemcachedLog, second: MemcachedLog, world: DrivingWorld,
        what: What, tags: tuple[int, ...], intent: int, owner: int,
    ) -> None:  # fmt: skip
        before = world(log.load(NOWHERE)).to
        to, record = world(log.append(what, tags, known=before, intent=intent, owner=owner))
        assert record == Record(before.at + 1, before.at + numbers(what, tags), what, tags, intent, owner)
        assert to == Position(before.epoch, record.last)
        assert world(second.read(before)) == (to, (record,))
        assert world(second.read(to)) == (to, ())
        assert world(second.confirm(to)) == to

    def test_more_tags_than_an_item_holds_are_everything(
        self, log: MemcachedLog, world: DrivingWorld
    ) -> None:
        start = world(log.load(NOWHERE)).to
        to, record = world(log.append(What.MARK, range(1, MOST + 2), known=start))
        assert record == Record(start.at + 1, start.at + 1, What.EVERYTHING)
        opened = world(log.append(What.INTENT, (7,), known=to, owner=9))[1]
        world(log.append(What.SETTLE, range(1, MOST + 2), known=to, intent=opened.first, owner=9))
        kinds = [record.what for record in world(log.read(to)).records]
        assert kinds == [What.INTENT, What.EVERYTHING, What.SETTLE]

    def test_intents_stand_until_they_are_settled(self, log: MemcachedLog, world: DrivingWorld) -> None:
        start = world(log.load(NOWHERE)).to
        opened = [world(log.append(What.INTENT, (tag,), known=start, owner=9))[1] for tag in (7, LARGE)]
        assert world(log.load(start)).intents == tuple(opened)
        world(log.append(What.SETTLE, (7,), known=start, intent=opened[0].first, owner=9))
        assert world(log.load(start)).intents == (opened[1],)

    def test_there_is_an_end_to_intents(
        self, log: MemcachedLog, world: DrivingWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("afresh.backends.memcached.log.intents.ROOM", 120)
        known = world(log.load(NOWHERE)).to
        for _ in range(2):
            world(log.append(What.INTENT, (7,), known=known, owner=9))
        with pytest.raises(BackendError, match="no room"):
            world(log.append(What.INTENT, (7,), known=known, owner=9))

    def test_two_writers_get_different_numbers_without_holes(
        self, log: MemcachedLog, second: MemcachedLog, world: DrivingWorld
    ) -> None:
        start = world(log.load(NOWHERE)).to

        def writer(mine: MemcachedLog, size: int) -> Any:
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

    @pytest.mark.parametrize(
        ("act", "lost"),
        [
            *itertools.product(["load", "append", "confirm"], ["everything", "epoch", "at"]),
            ("load", "intents"),  # it is missed by whoever needs it
            ("append", "intents"),
        ],
    )
    def test_whatever_is_lost_begins_a_life_above_all_numbers(
        self, log: MemcachedLog, second: MemcachedLog, world: DrivingWorld, place: Place, another: Another,
        lost: str, act: str,
    ) -> None:  # fmt: skip
        start = world(log.load(NOWHERE)).to
        ahead, _ = world(log.append(What.MARK, range(1, 1_000), known=start))
        _lose(place, another(place), log, start.epoch, lost)
        acts: dict[str, Callable[[], Any]] = {
            "load": lambda: second.load(ahead),
            "append": lambda: second.append(What.INTENT, (5,), known=ahead, owner=1),
            "confirm": lambda: second.confirm(ahead),
        }
        world(acts[act]())
        now = world(log.confirm(ahead))
        assert now.epoch != start.epoch
        assert now.at > ahead.at
        snapshot = world(log.load(now))
        assert ahead.at < snapshot.floor <= now.at
        assert world(log.read(ahead)).records == ()
        assert world(log.read(ahead)).to.epoch != ahead.epoch
        assert world(log.confirm(now)) == now, "and that one stays"

    def test_a_server_that_is_behind_begins_a_life(self, log: MemcachedLog, world: DrivingWorld) -> None:
        start = world(log.load(NOWHERE)).to
        future = Position(start.epoch, start.at + 10**9)
        to, record = world(log.append(What.MARK, (5,), known=future))
        assert to.epoch != start.epoch
        assert record.first > future.at
        assert world(log.load(to)).floor > future.at

    def test_intents_outlive_a_life_where_they_can(
        self, log: MemcachedLog, world: DrivingWorld, place: Place, another: Another
    ) -> None:
        known, opened = world(log.append(What.INTENT, (7,), known=NOWHERE, owner=9))
        _lose(place, another(place), log, known.epoch, "at")
        snapshot = world(log.load(known))
        assert snapshot.intents == (opened,)
        world(log.append(What.SETTLE, (7,), known=snapshot.to, intent=opened.first, owner=9))
        assert world(log.load(snapshot.to)).intents == ()

    @pytest.mark.parametrize("lost", ["enter", "_write"])
    def test_an_intent_whose_answer_was_lost_is_taken_back(
        self, log: MemcachedLog, world: DrivingWorld, monkeypatch: pytest.MonkeyPatch, lost: str
    ) -> None:
        start = world(log.load(NOWHERE)).to
        thing = log._intents if lost == "enter" else log
        real = getattr(thing, lost)

        async def done_and_lost(*arguments: Any) -> None:
            await real(*arguments)
            raise BackendError("the answer was lost")

        with monkeypatch.context() as patch:
            patch.setattr(thing, lost, done_and_lost)
            with pytest.raises(BackendError):
                world(log.append(What.INTENT, (7,), known=start, owner=9))
        assert len(world(log.load(start)).intents) == 1
        world(log.append(What.MARK, (8,), known=start))
        assert world(log.load(start)).intents == ()

    def test_a_follower_hears_of_it_soon(
        self, log: MemcachedLog, second: MemcachedLog, world: DrivingWorld
    ) -> None:
        start = world(log.load(NOWHERE)).to
        assert second.follow(start, 0.01) == (start, ())
        passages: list[Any] = []
        thread = threading.Thread(target=lambda: passages.append(second.follow(start, 20.0)))
        thread.start()
        to, record = world(log.append(What.MARK, (5,), known=start))
        thread.join(10.0)
        assert passages == [(to, (record,))]

    def test_close_ends_a_follower(self, log: MemcachedLog, world: DrivingWorld) -> None:
        start = world(log.load(NOWHERE)).to
        thread = threading.Thread(target=log.follow, args=(start, 30.0))
        thread.start()
        log.close()
        thread.join(10.0)
        assert not thread.is_alive()

    def test_a_hole_is_waited_for_and_then_passed_by_loading(
        self, log: MemcachedLog, world: DrivingWorld, another: Another, place: Place
    ) -> None:
        start = world(log.load(NOWHERE)).to
        drive(another(place).one(log._commands.take(start.epoch, 3)))  # and then that writer is killed
        to, record = world(log.append(What.MARK, (5,), known=start))
        assert record.first == start.at + 4
        began = time.monotonic()
        assert world(log.read(start)) == (to, ())
        wait_until(lambda: bool(world(log.read(start)).records), "the hole's end", 10.0)
        assert time.monotonic() - began >= PATIENCE
        again = world(log.load(start))
        assert again.floor == to.at
        assert world(log.read(again.to)) == (to, ())

    def test_a_record_of_another_release_is_loaded_over(
        self, log: MemcachedLog, world: DrivingWorld, another: Another, place: Place
    ) -> None:
        start = world(log.load(NOWHERE)).to
        client = another(place)
        drive(client.one(log._commands.take(start.epoch, 1)))
        drive(client.one(log._commands.add_record(start.epoch, start.at + 1, b"\xff from the future")))
        wait_until(lambda: bool(world(log.read(start)).records), "the hole's end", 10.0)
        assert world(log.read(start)).to.at == start.at + 1


def _lose(place: Place, client: MemcachedClient, log: MemcachedLog, epoch: int, lost: str) -> None:
    if lost == "everything":
        place.flush()
        return
    items = {"epoch": b"epoch", "at": b"%x:at" % epoch, "intents": b"%x:intents" % epoch}
    key = b"afresh:log:ledger:" + items[lost]
    assert drive(client.one(Request("md", key, server=log.server))).status == "HD"


def _loaded(client: MemcachedClient, log: MemcachedLog, after: Position) -> Position:
    """Where the log stands as soon as its server answers."""
    found: list[Position] = []

    def loads() -> bool:
        client.look_after()
        with suppress(BackendError):
            found.append(drive(log.load(after)).to)
        return bool(found)

    wait_until(loads, "the server", 10.0)
    return found[0]


WRITER = """
import os, sys, signal
from afresh.backends.memcached.connect import open_client
from afresh.backends.memcached.log.log import MemcachedLog
from afresh.backends.replica.remote import NOWHERE, What
from afresh.runtime.drive import drive
log = MemcachedLog(open_client(sys.argv[1]))
known = drive(log.load(NOWHERE)).to
async def dies(epoch, record):
    os.kill(os.getpid(), signal.SIGKILL)
log._write = dies
drive(log.append(What.MARK, (5, 6), known=known))
"""


def test_a_writer_is_killed_between_its_numbers_and_its_record(empty: Place, another: Another) -> None:
    log = MemcachedLog(another(empty), timeout=5.0)
    start = drive(log.load(NOWHERE)).to
    run = subprocess.run([sys.executable, "-c", WRITER, empty.url + PATIENT], check=False, env=os.environ)
    assert run.returncode == -signal.SIGKILL
    assert drive(log.confirm(start)).at == start.at + 2
    passage = log.follow(start, 20.0)
    assert passage.records[0].first != start.at + 1
    assert drive(log.load(start)).floor == start.at + 2
    log.close()


def test_restarted_it_begins_anew_and_a_full_server_keeps_what_it_needs(tmp_path: Any) -> None:
    with MemcachedServer(tmp_path / "small", options=("-m", "2", "-t", "1")) as server:
        client = open_client(server.url + PATIENT)
        log = MemcachedLog(client, timeout=5.0)
        known = drive(log.load(NOWHERE)).to
        opened = drive(log.append(What.INTENT, (7,), known=known, owner=9))[1]
        after = known
        for number in range(3_000):  # fifteen times what fits
            client.call(Request("ms", b"filler %d" % number, ("T0",), b"x" * 8_000), timeout=5.0)
            if number % 100 == 0:
                log._remind_at = 0.0
                drive(log.append(What.MARK, (number,), known=after))
                after = log.follow(after, 0.05).to
        assert after.epoch == known.epoch
        assert drive(log.load(after)).intents == (opened,)
        server.kill()
        server.start()
        anew = _loaded(client, log, after)
        assert anew.epoch != known.epoch
        assert anew.at > after.at
        log.close()
        client.close()
