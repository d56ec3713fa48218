"""Values set by hand."""

from __future__ import annotations

import asyncio
import threading
from enum import Enum

import pytest

from afresh import ABSENT, Cache, CacheClosed, ConfigurationError, Key, UncacheableValue, tag


def test_get_and_set(cache, clock):
    assert cache.get("k") is None
    assert cache.get("k", 5) == 5
    cache.set("k", 1)
    cache.set(7, "seven")
    cache.set(("a", 1), None)
    assert (cache.get("k"), cache.get(7), cache.get(("a", 1), "absent")) == (1, "seven", None)


def test_expiry(cache, clock):
    cache.set("k", 1, ttl=10)
    clock.advance(9)
    assert cache.get("k") == 1
    assert cache.touch("k", ttl=10)
    clock.advance(9)
    assert cache.get("k") == 1
    clock.advance(1)
    assert cache.get("k") is None
    assert not cache.touch("k", ttl=10)


def test_add_takes_only_an_empty_place(cache, clock):
    assert cache.add("k", 1, ttl=10)
    assert not cache.add("k", 2)
    clock.advance(11)
    assert cache.add("k", 3)
    cache.set("t", 1, tags=[tag("t")])
    cache.invalidate(tag("t"))
    assert cache.add("t", 2)
    assert cache.get("t") == 2


def test_incr_keeps_the_expiry(cache, clock):
    assert cache.incr("n", ttl=10) == 1
    clock.advance(9)
    assert cache.incr("n", 5, ttl=100) == 6
    clock.advance(2)
    assert cache.incr("n", initial=40) == 41
    cache.set("word", "x")
    with pytest.raises(TypeError, match="no integer"):
        cache.incr("word")


def test_many(cache):
    cache.set_many({"a": 1, "b": 2})
    assert cache.get_many(["a", "b", "c"]) == {"a": 1, "b": 2}
    assert cache.delete_many(["a", "c"]) == 1
    assert cache.delete("b")
    assert not cache.delete("b")


def test_mutate(cache, clock):
    assert cache.mutate("m", lambda old: [*old, 1], default=[], ttl=10) == [1]
    clock.advance(9)
    assert cache.mutate("m", lambda old: [*old, 2]) == [1, 2]
    clock.advance(2)
    assert cache.get("m") is None
    cache.set("m", 1)
    assert cache.mutate("m", lambda old: ABSENT) is ABSENT
    assert cache.get("m") is None


def test_mutate_is_atomic_among_threads(cache):
    start = threading.Barrier(4)

    def work():
        start.wait()
        for _ in range(250):
            cache.incr("n")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get("n") == 1000


@pytest.mark.parametrize(
    "change",
    [
        lambda cache: cache.touch("k", 60),
        lambda cache: cache.incr("k"),
        lambda cache: cache.mutate("k", lambda old: old + 1),
    ],
)
def test_a_changed_value_keeps_what_it_depends_on(cache, loader, change):
    cache.set("k", 1, tags=[tag("t")])
    change(cache)
    assert cache.get("k") is not None
    cache.invalidate(tag("t"))
    assert cache.get("k") is None
    cache.get_or_load("k", loader, tags=[tag("t")])
    change(cache)
    assert cache.get("k") is not None
    cache.invalidate(tag("t"))
    assert cache.get("k") is None


class Color(str, Enum):  # noqa: UP042  what most programs still have, and it writes its name
    RED = "r"


def test_keys_that_are_equal_are_one(cache):
    cache.set(Color.RED, 1)
    assert cache.get("r") == 1


def test_tags_and_keys_drop_values(cache):
    cache.set("a", 1, tags=[tag("t")])
    cache.set("b", 1)
    cache.invalidate(tag("t"))
    assert cache.get("a") is None
    cache.invalidate(Key("b"))
    assert cache.get("b") is None


def test_get_or_load_takes_what_was_set_and_the_other_way_round(cache, loader):
    cache.set("k", 99)
    assert cache.get_or_load("k", loader) == 99
    cache.delete("k")
    assert cache.get_or_load("k", loader) == 1
    assert cache.get("k") == 1
    cache.set("k", 100)
    assert cache.get_or_load("k", loader) == 100


def test_clear(cache, loader):
    cached = cache.cached(lambda: loader())
    cached()
    cache.set("k", 1)
    cache.clear()
    assert cache.get("k") is None
    assert cached() == 2


def test_namespaces_do_not_meet(clock):
    with Cache("memory://", clock=clock, namespace="a") as cache:
        cache.set("k", 1)
        assert cache.explain("k").state == "fresh"


def test_the_same_in_an_event_loop(cache, clock):
    async def main():
        aio = cache.aio
        await aio.set("k", 1, ttl=10)
        assert await aio.get("k") == 1
        assert await aio.add("k", 2) is False
        assert await aio.incr("k") == 2
        assert await aio.mutate("k", lambda old: old * 10) == 20
        assert await aio.get_many(["k", "x"]) == {"k": 20}
        assert await aio.touch("k", ttl=5)
        assert await aio.delete("k")
        await aio.set_many({"a": 1})
        assert await aio.delete_many(["a"]) == 1
        await aio.clear()
        assert (await aio.explain("k")).state == "miss"

    asyncio.run(main())


def test_modes(cache, loader):
    cached = cache.cached(lambda: loader())
    cached()
    cache.mode = "off"
    cache.set("k", 1)
    assert (cached(), cache.get("k")) == (2, None)
    cache.mode = "on"
    assert (cached(), cache.get("k")) == (1, 1)
    assert cache.mode == "on"


def test_shadow_loads_compares_and_never_serves(cache, loader):
    cached = cache.cached(lambda: loader())
    cached()
    cache.mode = "shadow"
    assert cached() == 2
    assert cache.stats().mismatches == 1
    loader.value = 2
    assert cached() == 2
    assert cache.stats().mismatches == 1


def test_a_share_of_the_calls(cache, loader):
    cached = cache.cached(lambda: loader())
    cache.mode = "on 30%"
    draws = iter([0.2, 0.5, 0.29, 0.3])
    cache._engine.threads.random = lambda: next(draws, 0.0)
    values = [cached() for _ in range(3)]
    assert loader.calls < 3 + 1
    assert values
    assert cache.mode == "on 30%"


@pytest.mark.parametrize("mode", ["on 90%", "off 10%", "shadow 10%"])
def test_a_share_of_the_reads_that_load_nothing(cache, loader, mode):
    cached = cache.cached(lambda: loader())
    cached()
    cache.set("k", 1)
    cache.mode = mode
    served = 0.95 if mode.startswith(("off", "shadow")) else 0.05
    for draw, found in ((served, 1), (1 - served, None)):
        cache._engine.threads.random = lambda draw=draw: draw
        assert (cache.get("k"), cached.peek()) == (found, found)
        assert cache.get_many(["k"]) == ({} if found is None else {"k": 1})


@pytest.mark.parametrize("mode", ["maybe", "on 130%", "", 5])
def test_a_mode_that_is_none_is_refused(cache, mode):
    with pytest.raises(ConfigurationError, match="shadow 10%"):
        cache.mode = mode


def test_a_closed_cache_says_so(clock, loader):
    cache = Cache("memory://", clock=clock)
    cached = cache.cached(lambda: loader())
    cached()
    cache.close()
    cache.close()
    for use in (
        cached,
        lambda: cache.get("k"),
        lambda: cache.get_or_load("k", loader),
        lambda: cache.set("k", 1),
        lambda: setattr(cache, "mode", "on"),
    ):
        with pytest.raises(CacheClosed):
            use()


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"url": "http://localhost"}, "memory://"),
        ({"url": "sqlite://host/file"}, "three slashes"),
        ({"url": "nonsense"}, "memory://"),
        ({"url": "memory://", "l1": "many"}, "64MB"),
        ({"url": "memory://", "l1": None}, "null://"),
        ({"url": "memory://", "l1": 0}, "l1"),
        ({"url": "memory://", "consistency": "eventual"}, "bounded"),
        ({"url": "memory://", "mode": "maybe"}, "shadow"),
        ({"url": "memory://", "ttl": "soon"}, "ttl"),
        ({"url": "memory://", "namespace": "a:b"}, "colon"),
        ({"url": 5}, "memory://"),
        ({"url": "memory://", "codec": "json"}, "no codec"),
        ({"url": "memory://", "compression": True}, "False for none"),
        ({"url": "memory://", "encryption": b"key"}, "Encryption"),
        ({"url": "memory://", "clock": 5}, "now"),
        ({"url": "memory://", "secret": "abc"}, "bytes"),
    ],
)
def test_wrong_settings_fail_at_construction_with_the_fix(arguments, advice):
    with pytest.raises(ConfigurationError, match=advice):
        Cache(**arguments)


def test_one_key_is_not_many(cache):
    for use in (cache.delete_many, cache.get_many):
        with pytest.raises(TypeError, match=r"\['abc'\]"):
            use("abc")


@pytest.mark.parametrize("options", [{"by": 1.5}, {"initial": "0"}, {"by": True}])
def test_incr_counts_in_integers(cache, options):
    with pytest.raises(TypeError, match="integers"):
        cache.incr("n", **options)
    assert cache.incr("n") == 1


def test_without_room_on_the_disk_the_application_runs_uncached(monkeypatch, tmp_path, loader):
    from afresh.errors import BackendError

    def full(*arguments):
        raise BackendError("no space left on device")

    monkeypatch.setattr("afresh.backends.file.opening.open_machine", full)
    with Cache() as cache:
        cached = cache.cached(lambda: loader())
        assert (cached(), cached()) == (1, 2)
        cache.set("k", 1)
        assert cache.get("k") is None


def test_one_dependency_needs_no_list(cache, loader):
    cache.set("k", 1, tags=tag("menu"))
    assert cache.get_or_load("loaded", loader, tags=tag("menu")) == 1
    cache.invalidate(tag("menu"))
    assert cache.get("k") is None
    assert cache.get_or_load("loaded", loader, tags=tag("menu")) == 2


def test_an_iterator_is_no_value(cache):
    with pytest.raises(UncacheableValue, match="only once"):
        cache.set("k", iter([1]))
