"""A server that hangs or is gone: the site answers, and nothing is served afterwards that was meant to be gone."""

from __future__ import annotations

import threading
import time
import uuid

import pytest
from cache_faces import Face, backend

from afresh.errors import BackendError
from afresh.testing.servers import MemcachedServer, RedisServer

pytestmark = pytest.mark.servers


@pytest.fixture(params=["redis", "memcached"])
def server(request, tmp_path, monkeypatch):
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "machine"))
    kind = {"redis": RedisServer, "memcached": MemcachedServer}[request.param]
    with kind(tmp_path / "server") as server:
        yield server


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def cache(request, server):
    return Face(backend(server.url, KEY_PREFIX=uuid.uuid4().hex[:8]), is_async=request.param)


def again(cache, key):
    """What is found once the server is heard again: asked until it is."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if cache.add("heard", 1) or cache.has_key("heard"):
            return cache.get(key)
        cache.cache._operations.engine.look_after()
        threading.Event().wait(0.005)
    raise AssertionError("the server was not heard again")


def test_a_hung_server_costs_answers_nothing(server, cache):
    cache.set("a", 1)
    server.pause()
    try:
        assert cache.get("a", "none") == "none"
        assert cache.get_many(["a", "b"]) == {}
        assert cache.get_or_set("a", lambda: "loaded") == "loaded"
        assert cache.set("a", 2) is None
        assert cache.set_many({"a": 2, "b": 3}) == ["a", "b"]
        assert cache.add("b", 2) is False
        assert cache.delete("a") is False
        assert cache.touch("a") is False
        assert cache.has_key("a") is False
        with pytest.raises(ValueError, match="not found"):
            cache.incr("a")
        cache.clear()
    finally:
        server.resume()


@pytest.mark.parametrize("write", ["set", "delete", "set_many", "clear"])
def test_what_could_not_be_replaced_or_removed_is_not_served_again(server, cache, write):
    cache.set("a", "old")
    server.pause()
    arguments = {"set": ("a", "new"), "delete": ("a",), "set_many": ({"a": "new"},), "clear": ()}[write]
    getattr(cache, write)(*arguments)
    assert cache.get("a") is None
    server.resume()
    assert again(cache, "a") in {None, "new"}


def test_it_is_told_once_until_the_server_is_back(server, caplog):
    cache = backend(server.url)

    def told():
        return [each.message for each in caplog.records if "takes no writes" in each.message]

    cache.set("a", 1)
    server.pause()
    cache.set("a", 2)
    cache.delete("a")
    server.resume()
    assert len(told()) == 1
    again(cache := Face(cache, is_async=False), "a")
    server.pause()
    cache.set("a", 2)
    server.resume()
    assert len(told()) == 2


def test_by_choice_it_is_an_error(server):
    cache = backend(server.url, options={"IGNORE_EXCEPTIONS": False})
    cache.set("a", 1)
    server.pause()
    try:
        for write in (
            lambda: cache.set("a", 2),
            lambda: cache.delete("a"),
            lambda: cache.incr("a"),
            cache.clear,
        ):
            with pytest.raises(BackendError):
                write()
        assert cache.get("a", "none") == "none"
    finally:
        server.resume()
