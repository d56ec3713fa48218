"""The store that keeps nothing."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from afresh import Cache
from afresh.backends.null import NullStore
from afresh.core.ports import Store

T = TypeVar("T")


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it suspended")


def test_nothing_is_kept() -> None:
    store: Store = NullStore()
    assert drive(store.fill("a", b"1", stamp=1, expires=9.0)) is False
    drive(store.put("a", b"1", stamp=1, expires=9.0))
    drive(store.put_many({"a": b"1"}, stamp=1, expires=9.0))
    drive(store.flush())
    assert drive(store.get("a")) is None
    assert drive(store.get_many(["a"])) == {}
    assert NullStore().read("a") is None
    assert drive(store.delete("a")) is False
    assert drive(store.delete_many(["a", "b"])) == 0
    drive(store.clear(""))
    assert store.usage() == {"entries": 0, "bytes": 0}
    store.close()
    store.close()


def test_a_loop_of_compare_and_set_ends() -> None:
    store = NullStore()
    assert drive(store.swap("a", None, b"1", stamp=1, expires=9.0)) is True
    assert drive(store.swap("a", b"1", b"2", stamp=1, expires=9.0)) is False
    assert drive(store.swap("a", None, None, stamp=1, expires=9.0)) is True


def test_a_local_function_is_cached_nowhere_whatever_it_captures() -> None:
    calls: list[int] = []
    with Cache("null://") as cache:
        cached = cache.cached(lambda: calls.append(1))
        cached(), cached()
    assert len(calls) == 2
