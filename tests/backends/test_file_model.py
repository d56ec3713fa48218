"""The shared file against a model that applies every write one by one, with several stores on one path."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from file_tools import FAR, SetClock, drive, fill, flush, put, swap
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from afresh.backends.file.store.flusher import Flusher
from afresh.backends.file.store.store import FileStore
from sizes import size

KEYS = ["a", "a:1", "a:2", "b", ""]
STORES = range(3)

keys = st.sampled_from(KEYS)
stores = st.sampled_from(STORES)
values = st.binary(max_size=3)
stamps = st.integers(0, 4)
lives = st.sampled_from([1.0, 2.0, FAR])


class Row(NamedTuple):
    value: bytes
    stamp: int
    expires: float
    was_put: bool

    def refuses(self, stamp: int, now: float) -> bool:
        return self.expires > now and self.stamp + self.was_put > stamp


class SharedFile(RuleBasedStateMachine):
    """Each store's writes wait in order in `waiting` and are replayed into `file` when it commits."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.clock = SetClock()
        self.nudge = Flusher.nudge
        Flusher.nudge = lambda flusher: True  # type: ignore[method-assign]
        self.stores = [FileStore(self.folder / "store.sqlite", clock=self.clock) for _ in STORES]
        self.file: dict[str, Row] = {}
        self.waiting: list[list[tuple[str, Row]]] = [[] for _ in STORES]
        for store in self.stores:
            put(store, "warm", b"")  # the first put of each is committed at once
            drive(store.delete("warm"))

    def teardown(self) -> None:
        Flusher.nudge = self.nudge  # type: ignore[method-assign]
        for store in self.stores:
            store.close()
        shutil.rmtree(self.folder)

    def seen_by(self, index: int, key: str) -> Row | None:
        """What waits for `key` in one store, the last that was not refused by another waiting there."""
        last: Row | None = None
        for name, row in self.waiting[index]:
            if name == key and (row.was_put or last is None or not last.refuses(row.stamp, self.clock.time)):
                last = row
        return last

    def commit(self, index: int, key: str | None = None) -> None:
        for name, row in self.waiting[index]:
            if key is None or name == key:
                old = self.file.get(name)
                if row.was_put or old is None or not old.refuses(row.stamp, self.clock.time):
                    self.file[name] = row
        self.waiting[index] = [each for each in self.waiting[index] if key not in (None, each[0])]

    def alive(self, key: str) -> Row | None:
        row = self.file.get(key)
        return row if row is not None and row.expires > self.clock.time else None

    @rule(index=stores, key=keys, value=values, stamp=stamps, life=lives)
    def put(self, index: int, key: str, value: bytes, stamp: int, life: float) -> None:
        expires = self.clock.time + life
        put(self.stores[index], key, value, stamp, expires)
        self.waiting[index].append((key, Row(value, stamp, expires, True)))

    @rule(index=stores, key=keys, value=values, stamp=stamps, life=lives)
    def fill(self, index: int, key: str, value: bytes, stamp: int, life: float) -> None:
        expires = self.clock.time + life
        ahead = self.seen_by(index, key)
        accepted = fill(self.stores[index], key, value, stamp, expires)
        assert accepted == (ahead is None or not ahead.refuses(stamp, self.clock.time))
        self.waiting[index].append((key, Row(value, stamp, expires, False)))

    @rule(index=stores, key=keys)
    def delete(self, index: int, key: str) -> None:
        deleted = drive(self.stores[index].delete(key))
        self.commit(index, key)
        assert deleted == (self.alive(key) is not None)
        self.file.pop(key, None)

    @rule(
        index=stores,
        key=keys,
        guess=values | st.none(),
        right=st.booleans(),
        new=values | st.none(),
        stamp=stamps,
    )
    def swap(
        self, index: int, key: str, guess: bytes | None, right: bool, new: bytes | None, stamp: int
    ) -> None:
        before = self.seen_by(index, key) or self.alive(key)
        old = before.value if right and before is not None else guess
        swapped = swap(self.stores[index], key, old, new, stamp)
        self.commit(index, key)
        now = self.alive(key)
        assert swapped == (old == (None if now is None else now.value))
        if swapped and new is not None:
            self.file[key] = Row(new, stamp, FAR, True)
        elif swapped:
            self.file.pop(key, None)

    @rule(index=stores, prefix=st.sampled_from(["", "a", "a:", "c"]))
    def clear(self, index: int, prefix: str) -> None:
        drive(self.stores[index].clear(prefix))
        self.waiting[index] = [each for each in self.waiting[index] if not each[0].startswith(prefix)]
        self.file = {key: row for key, row in self.file.items() if not key.startswith(prefix)}

    @rule(index=stores)
    def flush(self, index: int) -> None:
        flush(self.stores[index])
        self.commit(index)

    @rule(index=stores)
    def reopen(self, index: int) -> None:
        self.stores[index].close()
        self.commit(index)
        self.stores[index] = FileStore(self.folder / "store.sqlite", clock=self.clock)
        flush(self.stores[index])
        put(self.stores[index], "warm", b"")
        drive(self.stores[index].delete("warm"))

    @rule(seconds=st.sampled_from([0.5, 1.0, 5.0]))
    def time_passes(self, seconds: float) -> None:
        for index in STORES:  # what waits is judged when it is committed: here, before time goes on
            self.flush(index)
        self.clock.time += seconds

    @invariant()
    def every_store_answers_as_the_model(self) -> None:
        for index, store in enumerate(self.stores):
            wanted = {
                key: row.value
                for key in KEYS
                if (row := self.seen_by(index, key) or self.alive(key)) is not None
            }
            assert drive(store.get_many(KEYS)) == wanted


SharedFile.TestCase.settings = settings(max_examples=size(40, 1500), stateful_step_count=25, deadline=None)
TestSharedFile = SharedFile.TestCase
