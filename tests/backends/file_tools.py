"""What the tests of the shared file have in common."""

from __future__ import annotations

import multiprocessing
from collections.abc import Coroutine
from hashlib import blake2b
from typing import Any, TypeVar

from afresh.backends.file.store.flusher import Flusher
from afresh.backends.file.store.store import FileStore
from afresh.core.events import Event, Events

T = TypeVar("T")

FAR = 4e9
"""An expiry that no test reaches."""

KEYS = [f"key{number}" for number in range(200)]

SPAWN = multiprocessing.get_context("spawn")


class SetClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.time = now

    def now(self) -> float:
        return self.time


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of a store to its end: none of them suspends."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise AssertionError("a store suspended")


def put(store: FileStore, key: str, value: bytes, stamp: int = 1, expires: float = FAR) -> None:
    drive(store.put(key, value, stamp=stamp, expires=expires))


def fill(store: FileStore, key: str, value: bytes, stamp: int = 1, expires: float = FAR) -> bool:
    return drive(store.fill(key, value, stamp=stamp, expires=expires))


def swap(store: FileStore, key: str, old: bytes | None, new: bytes | None, stamp: int = 1) -> bool:
    return drive(store.swap(key, old, new, stamp=stamp, expires=FAR))


def flush(*stores: FileStore) -> None:
    for store in stores:
        drive(store.flush())


class Recorder:
    """Keeps every event."""

    def __init__(self) -> None:
        self.events = Events()
        self.seen: list[Event] = []
        self.events.listen(self.seen.append)

    def reasons(self) -> list[tuple[str, str]]:
        return [(event.kind.value, event.reason) for event in self.seen]


def hold_back_flushers(monkeypatch: Any) -> None:
    """Nothing is committed but by `flush` and what the test itself makes happen."""
    monkeypatch.setattr(Flusher, "nudge", lambda self: True)


def sealed(key: str, body: bytes) -> bytes:
    """A value that shows whether it is whole, and whether it belongs to this key."""
    return blake2b(key.encode() + body, digest_size=16).digest() + body


def is_whole(key: str, value: bytes) -> bool:
    return sealed(key, value[16:]) == value
