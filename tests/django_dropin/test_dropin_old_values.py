"""What django-redis has stored is read where it is; nothing is written there, and a delete removes both."""

from __future__ import annotations

import pickle
from datetime import date

import pytest
import redis
from django_redis.cache import RedisCache as TheirCache

from afresh.django.dropin.django_redis import RedisCache
from afresh.errors import UncacheableValue

pytestmark = pytest.mark.servers

LONG = {"name": "soup " * 100, "tags": ["warm", "salty"], "price": 2.5, "none": None}
SERIALIZERS = ["pickle.PickleSerializer", "json.JSONSerializer", "msgpack.MSGPackSerializer"]
ZSTD = "django_redis.compressors.zstd.ZStdCompressor"
COMPRESSORS = ["identity.Identity", "gzip.Gzip", "lz4.Lz4", "lzma.Lzma", "zlib.Zlib"]


RAN = []


class Ran:
    """Pickled, it writes down that it was unpickled."""

    def __reduce__(self):
        return ran, ("it ran",)


def ran(what):
    RAN.append(what)


@pytest.fixture
def pair(url, prefix):
    """Makes a cache of each library, with the same settings."""
    opened = []

    def make(**options):
        ours = RedisCache(
            url, {"KEY_PREFIX": prefix, "OPTIONS": {"SOCKET_TIMEOUT": 5, "OLD_PICKLES": [], **options}}
        )
        kept = {name: value for name, value in options.items() if not name.startswith("OLD_")}
        theirs = TheirCache(url, {"KEY_PREFIX": prefix, "OPTIONS": kept})
        opened.append(theirs)
        return ours, theirs

    yield make
    for each in opened:
        each.client.do_close_clients()


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("compressor", COMPRESSORS)
def test_each_format_is_read(pair, serializer, compressor):
    ours, theirs = pair(
        SERIALIZER=f"django_redis.serializers.{serializer}",
        COMPRESSOR=f"django_redis.compressors.{compressor}Compressor",
    )
    theirs.set_many({"long": LONG, "short": "x", "number": 7, "negative": -7, "true": True})
    assert ours.get_many(["long", "short", "number", "negative", "true"]) == {
        "long": LONG, "short": "x", "number": 7, "negative": -7, "true": True,
    }  # fmt: skip
    assert ours.get("long") == LONG
    assert ours.get_or_set("long", pytest.fail) == LONG


def test_zstd_is_read(url):
    """Their compressor needs pyzstd, whose frames are those of every zstd."""
    from backports import zstd

    ours = RedisCache(url, {"OPTIONS": {"COMPRESSOR": ZSTD, "OLD_PICKLES": [], "SOCKET_TIMEOUT": 5}})
    raw = ours.client.get_client()
    raw.set(ours.client.make_key("k"), zstd.compress(pickle.dumps(LONG)))
    assert ours.get("k") == LONG


def test_pickles_are_read_by_choice_only(pair):
    ours, theirs = pair(OLD_PICKLES=None)
    theirs.set("k", LONG)
    theirs.set("n", 7)
    assert (ours.get("k"), ours.get("n"), ours.get_many(["k", "n"])) == (None, 7, {"n": 7})


def test_pickles_are_bounded_to_known_classes(pair):
    ours, theirs = pair()
    theirs.set_many({"bad": Ran(), "day": date(2026, 1, 1), "own": Own(3)})
    assert ours.get_many(["bad", "day", "own"]) == {"day": date(2026, 1, 1)}
    assert RAN == []
    chosen, _ = pair(OLD_PICKLES=[f"{Own.__module__}.Own"])
    assert chosen.get("own") == Own(3)


class Own:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value == other.value

    __hash__ = None


def test_a_member_that_nobody_could_read_is_refused(pair):
    ours, _ = pair()
    with pytest.raises(UncacheableValue, match="OLD_PICKLES"):
        ours.sadd("s", Own(1))


def stored(url, prefix):
    with redis.Redis.from_url(url) as client:
        return {key: client.get(key) for key in client.scan_iter(f"{prefix}:*")}


def test_nothing_is_written_where_they_read(pair, url, prefix):
    ours, theirs = pair()
    ours.set("a", [1])
    ours.add("b", [2])
    ours.incr("n", 1, ignore_key_check=True)
    ours.get_or_set("c", lambda: [3])
    ours.set_many({"d": 1, "e": 2})
    assert stored(url, prefix) == {}
    theirs.set("f", [6])
    there = stored(url, prefix)
    assert (ours.get("f"), ours.get_or_set("f", pytest.fail), ours.get_many(["f"])) == ([6], [6], {"f": [6]})
    assert stored(url, prefix) == there


def test_whatever_was_written_last_counts(pair):
    ours, theirs = pair()
    for number in range(3):
        theirs.set("k", [number])
        assert ours.get("k") == [number]
        ours.set("k", [number, "ours"])
        assert (theirs.get("k"), ours.get("k")) == (None, [number, "ours"])


def test_what_cannot_be_read_hides_what_is_older(pair):
    ours, theirs = pair(OLD_PICKLES=None)
    ours.set("k", [1])
    theirs.set("k", [2])
    assert ours.get("k") is None
    assert ours.get_or_set("k", lambda: [3]) == [3]
    assert (ours.get("k"), theirs.get("k")) == ([3], None)


def test_a_delete_removes_both(pair):
    ours, theirs = pair()
    for remove in (
        lambda: ours.delete("k"),
        lambda: ours.delete_many(["k"]),
        lambda: ours.delete_pattern("k*"),
    ):
        ours.set("k", [1])
        theirs.set("k", [2])
        assert remove()
        assert (ours.get("k"), theirs.get("k")) == (None, None)


def test_clear_leaves_what_is_not_the_caches(pair, url):
    ours, theirs = pair()
    ours.set("k", [1])
    theirs.set_many({"k": [2], "l": [3]})
    with redis.Redis.from_url(url) as client:
        client.set("somebody-else", 1)
        ours.clear()
        assert client.get("somebody-else") == b"1"
    assert (ours.get("k"), ours.keys("*"), theirs.keys("*")) == (None, [], [])


def test_a_number_of_theirs_is_counted_on_with_its_expiry(pair):
    ours, theirs = pair()
    theirs.set("n", 41, 100)
    assert (ours.incr("n"), ours.ttl("n"), ours.get("n"), theirs.get("n")) == (42, 100, 42, None)


def test_a_counter_of_theirs_is_taken_over_once(pair):
    from concurrent.futures import ThreadPoolExecutor

    ours, theirs = pair()
    theirs.set("n", 1000, 100)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ours.incr("n"), range(80)))
    assert ours.get("n") == 1080


def test_expiry_version_and_add_see_theirs(pair):
    ours, theirs = pair()
    theirs.set("k", [1], 50)
    assert (ours.ttl("k"), ours.touch("k", 90), theirs.ttl("k"), ours.add("k", [2])) == (50, True, 90, False)
    assert (ours.incr_version("k"), ours.get("k"), ours.get("k", version=2)) == (2, None, [1])
    assert ours.set("x", 1, xx=True) is False
    theirs.set("x", [1], 50)
    assert (ours.set("x", [2], xx=True), ours.get("x"), theirs.get("x")) == (True, [2], None)


def test_without_old_values_they_are_not_looked_for(pair):
    ours, theirs = pair(OLD_VALUES=False)
    theirs.set("k", [1])
    assert ours.get("k") is None
    ours.sadd("s", 1)
    assert (ours.ttl("s"), ours.expire("s", 9), theirs.ttl("s"), ours.delete("s")) == (None, True, 9, True)


async def _awaited(ours):
    return await ours.aget("k"), await ours.aget_many(["k"]), await ours.adelete("k"), await ours.aget("k")


def test_the_asynchronous_face_reads_them_too(pair):
    import asyncio

    ours, theirs = pair()
    theirs.set("k", [1])
    assert asyncio.run(_awaited(ours)) == ([1], {"k": [1]}, True, None)
    assert theirs.get("k") is None


def test_models_are_read_where_they_are_listed(pair):
    from django_shop.models import Product

    ours, theirs = pair()
    theirs.set("product", Product(id=7, name="soup"))
    assert ours.get("product") is None
    chosen, _ = pair(OLD_PICKLES=["django_shop.models.Product", "django_shop.models.Product.State"])
    found = chosen.get("product")
    assert (type(found), found.id, found.name, found._state.adding) == (Product, 7, "soup", True)


def test_a_pickle_makes_no_more_of_little(pair):
    """`list(range(10 ** 12))` would take all memory."""
    ours, _ = pair()
    made = ours.client.make_key("k")
    ours.client.get_client().set(made, b"cbuiltins\nlist\n(cbuiltins\nrange\n(I1000000000000\ntRtR.")
    assert ours.get("k") is None
