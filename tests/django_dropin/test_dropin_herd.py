"""`HerdClient`'s settings, CACHE_HERD_TIMEOUT too: one caller makes a value anew, the others get the old, and nobody gets `None` for it."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from django_redis.cache import RedisCache as TheirCache

from afresh.django.dropin.django_redis import RedisCache

pytestmark = pytest.mark.servers

HERD = {"CLIENT_CLASS": "django_redis.client.HerdClient"}


@pytest.fixture
def ours(url, prefix):
    return RedisCache(
        url, {"KEY_PREFIX": prefix, "OPTIONS": {**HERD, "SOCKET_TIMEOUT": 5, "OLD_PICKLES": []}}
    )


@pytest.fixture
def late(ours):
    """Makes it later, for this cache."""

    def pass_by(seconds):
        engine = ours._operations.engine
        now = engine.now
        engine.now = lambda: now() + seconds

    yield pass_by
    with contextlib.suppress(AttributeError):
        del ours._operations.engine.now


def test_one_makes_it_anew_and_the_others_get_the_old(ours, late):
    ours.set("k", [1], 30)
    assert ours.get("k") == [1]
    late(31)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ours.get("k", "make it"), range(40)))
    assert (found.count("make it"), found.count([1])) == (1, 39)
    ours.set("k", [2], 30)
    assert {str(ours.get("k")) for _ in range(5)} == {"[2]"}


def test_many_at_once(ours, late):
    ours.set_many({"a": 1, "b": [2]}, 30)
    assert ours.get_many(["a", "b"]) == {"a": 1, "b": [2]}
    late(31)
    assert (ours.get_many(["a", "b"]), ours.get_many(["a", "b"])) == ({}, {"a": 1, "b": [2]})


def test_numbers_are_counted_and_touched(ours, late):
    ours.set("n", 1, 30)
    assert (ours.incr("n"), ours.decr("n", 2), ours.get("n"), ours.touch("n", 60)) == (2, 0, 0, True)
    late(31)
    assert (ours.get("n"), ours.touch("no"), ours.incr("n")) == (0, False, 1)


def test_get_or_set_makes_it_once(ours):
    assert (ours.get_or_set("k", lambda: [1], 30), ours.get_or_set("k", pytest.fail, 30)) == ([1], [1])
    ours.set("put", [5], 30)
    assert ours.get_or_set("put", pytest.fail, 30) == [5]


def test_the_asynchronous_face(ours, late):
    async def seen():
        await ours.aset("k", [1], 30)
        return await ours.aget("k"), await ours.aget_many(["k"])

    assert asyncio.run(seen()) == ([1], {"k": [1]})


def test_a_value_that_is_late_is_made_once_on_both_faces(ours, late):
    ours.set("a", [1], 30)
    ours.set("b", [1], 30)
    late(31)
    assert (ours.get_or_set("a", lambda: [2], 300), ours.get("a")) == ([2], [2])

    async def seen():
        return await ours.aget_or_set("b", lambda: [3], 300), await ours.aget_or_set("b", pytest.fail, 300)

    assert asyncio.run(seen()) == ([3], [3])


def test_what_their_herd_client_has_stored_is_read(ours, url, prefix, late):
    theirs = TheirCache(url, {"KEY_PREFIX": prefix, "OPTIONS": HERD})
    theirs.set("k", [1], 30)
    theirs.client.do_close_clients()
    assert ours.get("k") == [1]
    late(31)
    assert ours.get("k") is None
