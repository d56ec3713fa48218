"""What leaves the process is signed by SECRET_KEY for its key; what must not be unpickled isn't."""

from __future__ import annotations

import dataclasses
import json
import pickle
import sys
from typing import Any

import pytest
from cache_faces import Face, backend
from django.conf import settings
from django.test import override_settings

from afresh.django.cache.opening import OPENED
from afresh.django.cache.packing import Packed, StoredCodec, Unpacked
from afresh.django.cache.packings import packing
from afresh.errors import ConfigurationError, UncacheableValue
from afresh.runtime.drive import drive

executed = []


def execute(what):
    executed.append(what)


class Poison:
    def __reduce__(self):
        return execute, ("run",)


@dataclasses.dataclass
class Soup:
    name: str


class Json:
    def dumps(self, value):
        return json.dumps(value)

    def loads(self, data):
        return json.loads(data)


@pytest.fixture
def where(tmp_path):
    return f"sqlite:///{tmp_path}/cache"


def stored(cache, made):
    engine = cache._operations.engine
    return drive(engine.store.get(engine.names.full(made)))


def put(cache, made, envelope):
    engine = cache._operations.engine
    drive(engine.store.put(engine.names.full(made), envelope, stamp=0, expires=float("inf")))


def reopened(where, **settings):
    """As after a restart."""
    OPENED.close()
    return backend(where, **settings)


def test_whatever_pickle_can_comes_back(where):
    backend(where).set("soup", Soup("hot"))
    assert reopened(where).get("soup") == Soup("hot")


def test_another_secret_reads_nothing_and_a_fallback_does(where):
    backend(where).set("soup", Soup("hot"))
    with override_settings(SECRET_KEY="another secret of some length"):
        assert reopened(where).get("soup") is None
    before = settings.SECRET_KEY
    with override_settings(SECRET_KEY="another secret of some length", SECRET_KEY_FALLBACKS=[before]):
        both = reopened(where)
        assert both.get("soup") == Soup("hot")
        both.set("stew", Soup("cold"))
    with override_settings(SECRET_KEY="another secret of some length"):
        assert reopened(where).get("stew") == Soup("cold")


def test_nothing_is_unpickled_that_was_not_signed_for_its_key(where):
    cache = backend(where)
    cache.set("a", Poison())
    cache.set("b", Soup("hot"))
    executed.clear()
    moved = stored(cache, ":1:a")
    put(cache, ":1:b", moved)
    assert cache.get("b") is None
    forged = stored(cache, ":1:b")
    put(cache, ":1:b", forged[:-4] + pickle.dumps(Poison()) + forged[-4:])
    assert cache.get("b") is None
    assert executed == []
    assert cache.get("a") is None  # execute's own result
    assert executed == ["run"]


@pytest.mark.parametrize("codec", ["pickle", "msgpack"])
def test_one_reader_gets_the_value_and_others_the_packed_one(codec):
    packed = packing(codec, None, ["a secret that nobody guesses"])
    stored = StoredCodec(packed)
    sealed = stored.encode(packed.pack(["soup"]), key="k")
    assert stored.decoder(Unpacked)(sealed, "k") == ["soup"]
    assert type(stored.decoder(Any)(sealed, "k")) is Packed
    assert packed.unpack(stored.decoder(Any)(sealed, "k")) == ["soup"]
    assert packed.unpack(packed.unpack(packed.pack(["soup"]))) == ["soup"], "once more leaves it as it is"


def test_one_reader_unpickles_nothing_that_was_not_signed_for_its_key():
    packed = packing("pickle", None, ["a secret that nobody guesses"])
    stored = StoredCodec(packed)
    sealed = stored.encode(Packed(pickle.dumps(Poison())), key="other")
    executed.clear()
    for forged in (sealed, pickle.dumps(Poison()), bytes(32) + pickle.dumps(Poison())):
        with pytest.raises(ValueError, match="signature"):
            stored.decoder(Unpacked)(forged, "k")
    assert executed == []


def test_msgpack_takes_no_pickles_and_reads_none(where):
    backend(where).set("soup", Soup("hot"))
    cache = reopened(where, options={"CODEC": "msgpack"})
    assert cache.get("soup") is None
    cache.set("row", {"id": 7, "tags": ("a", "b")})
    assert cache.get("row") == {"id": 7, "tags": ("a", "b")}
    cache.set("n", 1)
    assert cache.incr("n") == 2
    with pytest.raises(UncacheableValue, match=r"Soup.*afresh\.codecs\.register"):
        cache.set("soup", Soup("hot"))


def test_a_serializer_of_the_users_own_is_signed_too(where):
    cache = backend(where, options={"serializer": Json})
    cache.set("row", {"id": 7})
    cache.set("n", 7)
    assert reopened(where, options={"serializer": Json}).get_many(["row", "n"]) == {"row": {"id": 7}, "n": 7}
    with override_settings(SECRET_KEY="another secret of some length"):
        assert reopened(where, options={"serializer": Json}).get("row") is None


def test_a_serializer_by_its_path_and_djangos_own(where):
    path = "django.core.cache.backends.redis.RedisSerializer"
    cache = backend(where, options={"serializer": path})
    cache.set("n", 7)
    assert cache.incr("n") == 8
    cache.set("soup", Soup("hot"))
    assert reopened(where, options={"serializer": path}).get_many(["n", "soup"]) == {
        "n": 8,
        "soup": Soup("hot"),
    }


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"serializer": object}, "dumps"),
        ({"serializer": Json, "CODEC": "msgpack"}, "leave one of them out"),
    ],
)
def test_a_serializer_that_is_none_is_refused(where, options, advice):
    with pytest.raises(ConfigurationError, match=advice):
        backend(where, options=options).get("a")


@override_settings(SECRET_KEY="short")
def test_a_secret_that_can_be_guessed_is_refused(where):
    with pytest.raises(ConfigurationError, match=r'SECRET_KEY \(or write OPTIONS = \{"CODEC": "msgpack"\}'):
        backend(where).get("a")
    assert backend(where, options={"CODEC": "msgpack"}).get("a") is None


@pytest.mark.parametrize("is_async", [False, True])
def test_a_value_of_a_class_that_is_gone_is_a_miss_and_is_replaced(where, monkeypatch, is_async):
    cache = Face(backend(where), is_async=is_async)
    cache.set("soup", Soup("hot"))
    cache.set("stew", 1)
    monkeypatch.delattr(sys.modules[__name__], "Soup")
    assert cache.get("soup", "none") == "none"
    assert cache.has_key("stew")
    assert cache.get_many(["soup", "stew"]) == {"stew": 1}
    assert cache.get_or_set("soup", lambda: "new") == "new"
    assert cache.get("soup") == "new"
    assert cache.cache._operations.engine.counters.damaged > 0


def test_a_cache_that_keeps_nothing_and_one_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "machine"))
    nothing, machine = backend("null://"), backend("")
    for cache, found in ((nothing, None), (machine, 1)):
        cache.set("a", 1)
        assert cache.get("a") == found
        assert cache.get_or_set("b", lambda: 2) == 2
        assert cache.add("c", 3) is True
        cache.clear()
        assert cache.get("a") is None
