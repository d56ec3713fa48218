"""Django's cache API on each of our stores, called from threads and from an event loop."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from enum import Enum

import pytest
from cache_faces import Face, backend
from django.core.cache.backends.base import CacheKeyWarning
from django.utils.safestring import SafeString

from afresh import Kind
from afresh.django import CacheBackend
from afresh.django.cache.opening import OPENED
from afresh.testing import FakeClock


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def cache(request, location):
    return Face(backend(location, KEY_PREFIX=uuid.uuid4().hex[:8]), is_async=request.param)


def test_the_whole_round(cache):
    assert cache.get("a", "nothing") == "nothing"
    cache.set("a", {"list": [1, 2]})
    assert cache.get("a") == {"list": [1, 2]}
    assert cache.has_key("a")
    assert cache.add("a", 2) is False
    assert cache.add("b", None) is True
    assert cache.get("b", "default") is None
    assert cache.set_many({"c": 3, "d": (4,)}) == []
    assert cache.get_many(["a", "c", "d", "e"]) == {"a": {"list": [1, 2]}, "c": 3, "d": (4,)}
    assert cache.delete("a") is True
    assert cache.delete("a") is False
    cache.delete_many(["b", "c"])
    assert cache.get_many(["b", "c", "d"]) == {"d": (4,)}
    cache.clear()
    assert cache.get("d") is None


def test_who_changes_what_he_got_changes_nobody_elses(cache):
    cache.set("a", [1])
    cache.get("a").append(2)
    assert cache.get("a") == [1]
    made = cache.get_or_set("b", lambda: [1])
    made.append(2)
    cache.get_or_set("b", list).append(3)
    assert cache.get("b") == [1]


def test_numbers_go_up_and_keep_their_expiry(cache):
    cache.set("n", 40, 1000)
    assert cache.incr("n", 2) == 42
    assert cache.decr("n") == 41
    cache.set("x", 1.5)
    assert cache.incr("x") == 2.5
    with pytest.raises(ValueError, match="Key 'm' not found"):
        cache.incr("m")
    cache.set("null", None)
    with pytest.raises(TypeError):
        cache.incr("null")


def test_zero_and_less_remove(cache):
    for timeout in (0, -1):
        cache.set("a", 1)
        cache.set("a", 2, timeout)
        assert cache.get("a") is None
        assert cache.add("a", 2, timeout) is True
        assert cache.get("a") is None
        cache.set("a", 1)
        assert cache.touch("a", timeout) is True
        assert cache.get("a") is None
        assert cache.get_or_set("a", [1], timeout) == [1]
        assert cache.get("a") is None


@pytest.mark.parametrize("url", ["memory://{}", "sqlite:///{}/cache"])
def test_a_value_is_gone_when_its_time_is_up_and_not_a_tick_later(tmp_path, monkeypatch, url):
    cache = backend(url.format(tmp_path), KEY_PREFIX=uuid.uuid4().hex)
    operations, clock = cache._operations, FakeClock(time.time())
    monkeypatch.setattr(operations.engine, "now", clock.now)
    monkeypatch.setattr(operations, "_now", clock.now)
    cache.set("a", 1, 10)
    operations.engine.tick()
    monkeypatch.setattr(operations.engine, "tick", lambda: None)
    assert [cache.get("a") for _ in range(3)] == [1, 1, 1]
    clock.advance(10)
    assert cache.get("a") is None


def test_versions_and_prefixes_are_apart(cache):
    cache.set("a", 1)
    cache.set("a", 2, version=2)
    assert (cache.get("a"), cache.get("a", version=2)) == (1, 2)
    assert cache.incr_version("a", 4, version=2) == 6
    assert (cache.get("a", version=2), cache.get("a", version=6)) == (None, 2)
    assert cache.decr_version("a", version=6) == 5
    with pytest.raises(ValueError, match="not found"):
        cache.incr_version("missing")


def test_keys_that_not_every_server_takes_are_warned_of_and_work(cache):
    for key in ("with blanks", "k" * 300, "line\nbreak", "\x7f"):
        with pytest.warns(CacheKeyWarning):
            cache.set(key, key)
        with pytest.warns(CacheKeyWarning):
            assert cache.get(key) == key


def test_twenty_threads_on_a_cold_key_load_once(location):
    key, loads, answers, joined = uuid.uuid4().hex, [], [], []
    everybody_waits = threading.Event()

    def told(event):
        if event.kind is Kind.JOINED:
            joined.append(event.key)
            if len(joined) == 19:
                everybody_waits.set()

    def load():
        loads.append(everybody_waits.wait(20))
        return {"loaded": [len(loads)]}

    def ask():  # as in Django, each thread has a backend of its own
        answers.append(backend(location).get_or_set(key, load))

    OPENED.cache(backend(location)._settings)[0].listen(told)
    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert loads == [True]
    assert answers == [{"loaded": [1]}] * 20
    assert len({id(answer) for answer in answers}) == 20


def test_an_event_loop_needs_no_thread(location, monkeypatch):
    cache, threads = backend(location, KEY_PREFIX=uuid.uuid4().hex), []

    async def load():
        return 7

    async def visit():
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "run_in_executor", lambda *arguments: threads.append(arguments))
        await cache.aset("a", [1])
        await cache.aadd("a", 1)
        await cache.aset_many({"b": 1})
        await cache.atouch("a")
        await cache.aincr("b")
        await cache.aincr_version("b")
        found = [
            await cache.aget("a"),
            await cache.aget_many(["b"], version=2),
            await cache.aget_or_set("c", load),
        ]
        await cache.adelete("a")
        await cache.adelete_many(["b"])
        await cache.ahas_key("a")
        await cache.aclear()
        await cache.aclose()
        return found

    assert asyncio.run(visit()) == [[1], {"b": 2}, 7]
    assert threads == []


def test_rules_for_keys_of_a_subclass_are_asked_of_each_key():
    class Strict(CacheBackend):
        def validate_key(self, key):
            if "forbidden" in key:
                raise ValueError(key)

    cache = Strict("memory://strict", {})
    cache.set("with blanks " * 30, 1)
    assert cache.get("with blanks " * 30) == 1
    with pytest.raises(ValueError, match="forbidden"):
        cache.get("forbidden")


class Text(str, Enum):  # noqa: UP042  whose text is its name
    SOUP = "soup"


@pytest.mark.parametrize("version", [None, 0, 2])
@pytest.mark.parametrize("key", ["soup", 7, ("a",), Text.SOUP, SafeString("soup")])
def test_keys_are_made_as_django_makes_them(key, version):
    cache = backend("memory://", KEY_PREFIX="p%s", VERSION=3)
    assert cache.make_and_validate_key(key, version) == cache.make_key(key, version)
    cache.key_prefix, cache.version = "q", 4  # as tests of applications do
    assert cache.make_and_validate_key(key, version) == cache.make_key(key, version)
    cache.key_func = lambda key, prefix, version: f"{version}-{prefix}-{key}"
    assert cache.make_and_validate_key(key, version) == cache.make_key(key, version)


def test_keys_of_a_subclass_are_its_own():
    class Own(CacheBackend):
        def make_key(self, key, version=None):
            return f"own-{key}-{version}"

    assert Own("memory://", {}).make_and_validate_key("soup", 2) == "own-soup-2"
