"""What each method of both libraries is asked here, and what the page in the docs says of it.

A scenario is called with a cache and returns what it saw. Both libraries' caches see the same, unless
`differs` says what ours returns instead, and why.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

ANYTHING: Any = object()


class Asked(NamedTuple):
    """One method.

    Attributes:
        scenario: What is called.
        note: For the page.
        ours: What ours answers, where theirs answers something else.
    """

    scenario: Callable[[Any], Any]
    note: str = "the same"
    ours: Any = ANYTHING


def _raised(call, *args, **kwargs):
    try:
        return call(*args, **kwargs)
    except Exception as error:
        return type(error).__name__


def _set(c):
    first = c.set("k", {"a": [1]}), c.get("k"), c.set("k", 2, nx=True), c.set("x", 1, xx=True)
    return (
        *first,
        c.set("k", 3, xx=True),
        c.get("k"),
        c.set("k", 4, timeout=0),
        c.get("k"),
        c.set("k", 5, 0.9),
    )


def _add(c):
    return c.add("k", 1, 30), c.add("k", 2), c.get("k"), c.ttl("k"), c.add("k", 3, timeout=-1)


def _get(c):
    c.set("k", None)
    return c.get("k", 1), c.get("nothing"), c.get("nothing", 7), c.get("k", version=2)


def _incr(c):
    c.set("n", 41, 100)
    found = c.incr("n"), c.incr("n", 10), c.ttl("n"), _raised(c.incr, "nothing")
    return *found, c.incr("new", 5, ignore_key_check=True), c.ttl("new"), c.get("new")


def _incr_large(c):
    c.set("n", 2**70, 100)
    return c.incr("n"), c.ttl("n")


def _decr(c):
    c.set("n", 41, version=3)
    return c.decr("n", version=3), c.decr("n", 10, version=3), _raised(c.decr, "n")


def _incr_version(c):
    c.set("k", "v", 100)
    return (
        c.incr_version("k"),
        c.get("k"),
        c.get("k", version=2),
        c.ttl("k", version=2),
        c.incr_version("k", 2, 2),
    )


def _delete(c):
    c.set("k", 1)
    return c.delete("k"), c.delete("k"), c.get("k"), c.delete("nothing", version=2)


def _delete_many(c):
    c.set_many({"a": 1, "b": 2, "c": 3})
    return c.delete_many(["a", "b", "x"]), c.get_many(["a", "b", "c"]), c.delete_many([])


def _many(c):
    c.set_many({"a": [1], "b": 2, "t": "x"}, timeout=50)
    return c.get_many(["a", "b", "t", "z"]), c.ttl("a"), c.get_many([])


def _has_key(c):
    c.set("k", None)
    c.sadd("s", 1)
    return c.has_key("k"), c.has_key("x"), c.has_key("s"), "k" in c


def _keys(c):
    c.set_many({"user:1": 1, "user:22": 2, "menu": 3})
    c.set("user:3", 1, version=2)
    return sorted(c.keys("user:*")), sorted(c.keys("user:?")), sorted(c.keys("*", version=2)), c.keys("no*")


def _iter_keys(c):
    c.set_many({f"k{n}": n for n in range(50)})
    return sorted(c.iter_keys("k*", itersize=7)), sorted(c.iter_keys("k[12]"))


def _delete_pattern(c):
    c.set_many({"user:1": 1, "user:2": 2, "menu": 3})
    return c.delete_pattern("user:*"), c.get_many(["user:1", "user:2", "menu"]), c.delete_pattern("no*")


def _ttl(c):
    c.set("k", 1, 60)
    c.set("forever", 1, None)
    return c.ttl("k"), c.ttl("forever"), c.ttl("nothing")


def _pttl(c):
    c.set("k", 1, 60)
    c.set("forever", 1, None)
    return 59_000 < c.pttl("k") <= 60_000, c.pttl("forever"), c.pttl("nothing")


def _persist(c):
    c.set("k", 1, 60)
    return c.persist("k"), c.ttl("k"), c.persist("k"), c.persist("nothing")


def _expire(c):
    c.set("k", 1, 60)
    found = (
        c.expire("k", 20),
        c.ttl("k"),
        c.expire("nothing", 20),
        c.expire("k", timedelta(seconds=90)),
        c.ttl("k"),
    )
    return *found, c.expire("k", 0), c.get("k")


def _pexpire(c):
    c.set("k", 1, 60)
    return (
        c.pexpire("k", 20_000),
        c.ttl("k"),
        c.pexpire("nothing", 20),
        c.pexpire("k", timedelta(seconds=9)),
        c.ttl("k"),
    )


def _expire_at(c):
    c.set("k", 1)
    when = datetime.now(UTC) + timedelta(hours=1)
    first = c.expire_at("k", when), 3590 < c.ttl("k") <= 3600
    second = c.expire_at("k", int(when.timestamp()) + 100), 3690 < c.ttl("k") <= 3700
    return *first, *second, c.expire_at("nothing", when), c.expire_at("k", 1), c.get("k")


def _pexpire_at(c):
    c.set("k", 1)
    when = datetime.now(UTC) + timedelta(hours=1)
    first = c.pexpire_at("k", when), 3590 < c.ttl("k") <= 3600
    return *first, c.pexpire_at("k", int(when.timestamp() * 1000) + 100_000), 3690 < c.ttl("k") <= 3700


def _touch(c):
    c.set("k", 1, 60)
    return (
        c.touch("k", 20),
        c.ttl("k"),
        c.touch("k", None),
        c.ttl("k"),
        c.touch("nothing", 5),
        c.touch("k"),
        c.ttl("k"),
    )


def _lock(c):
    lock = c.lock("l", timeout=10)
    first = lock.acquire(blocking=False), c.lock("l").acquire(blocking=False)
    lock.release()
    with c.lock("l", timeout=10, blocking_timeout=1) as again:
        return *first, again.owned()


def _clear(c):
    c.set_many({"a": 1, "b": 2})
    c.set("a", 1, version=2)
    c.sadd("s", 1)
    c.clear()
    return c.get_many(["a", "b"]), c.get("a", version=2), c.scard("s")


def _get_or_set(c):
    return (
        c.get_or_set("k", lambda: [1], 30),
        c.get_or_set("k", lambda: [2]),
        c.ttl("k"),
        c.get_or_set("d", 5),
    )


def _sets(c):
    return c.sadd("a", 1, "x", (1, 2)), c.sadd("a", 1), c.scard("a"), c.smembers("a"), c.smembers("nothing")


def _two(c):
    c.sadd("a", 1, 2, 3)
    c.sadd("b", 3, 4)


def _after(method):
    def scenario(c):
        _two(c)
        return method(c)

    return scenario


def _spop(c):
    return (
        c.spop("a") in {1, 2, 3},
        len(c.spop("a", 2)),
        c.scard("a"),
        c.spop("a"),
        type(c.spop("b", 5)).__name__,
    )


def _sscan_iter(c):
    c.sadd("many", *range(500))
    return set(c.sscan_iter("many")) == set(range(500))


def _hashes(c):
    return (
        c.hset("h", "f", [1]),
        c.hset("h", mapping={"f": 2, "g": "x"}),
        c.hlen("h"),
        sorted(c.hkeys("h")),
        c.hkeys("no"),
    )


def _hdel(c):
    c.hset("h", mapping={"f": 2, "g": "x"})
    return c.hdel("h", "f"), c.hdel("h", "f"), c.hexists("h", "g"), c.hexists("h", "f"), c.hlen("h")


def _scores(c):
    c.zadd("z", {"a": 1, "b": 2.5, (3,): 3, 4: 4})


def _scored(method):
    def scenario(c):
        _scores(c)
        return method(c)

    return scenario


def _zadd(c):
    first = (
        c.zadd("z", {"a": 1, "b": 2}),
        c.zadd("z", {"a": 5, "c": 1}, ch=True),
        c.zadd("z", {"a": 9}, nx=True),
    )
    return *first, c.zadd("z", {"a": 1}, gt=True), c.zscore("z", "a"), c.zadd("z", {"a": 1}, incr=True)


def _raw(c):
    c.client.get_client().set("raw", b"bytes")
    made = c.client.make_key("k", version=3)
    return (
        c.client.get_client(write=False).get("raw"),
        str(made).endswith(":3:k"),
        "k" in c.client,
        c.client.decode(c.client.encode([1])),
    )


METHODS: dict[str, Asked] = {
    "set": Asked(_set, "the same; `tags=[…]` besides"),
    "add": Asked(_add),
    "get": Asked(_get),
    "incr": Asked(_incr, "the same, on any version; atomic for every number, and its expiry stays"),
    "incr of what is longer than 64 bits": Asked(_incr_large, "the same, and atomic too"),
    "decr": Asked(_decr),
    "incr_version": Asked(_incr_version, "the same; its expiry stays to the millisecond"),
    "delete": Asked(_delete, "the same; of both keys, theirs and ours"),
    "delete_many": Asked(_delete_many),
    "get_many": Asked(_many),
    "set_many": Asked(_many, "the same; returns the keys that failed, as Django says"),
    "has_key": Asked(_has_key),
    "keys": Asked(_keys),
    "iter_keys": Asked(_iter_keys),
    "delete_pattern": Asked(_delete_pattern, "the same; it says once that a tag takes one step instead"),
    "ttl": Asked(_ttl),
    "pttl": Asked(_pttl),
    "persist": Asked(_persist),
    "expire": Asked(_expire),
    "pexpire": Asked(_pexpire),
    "expire_at": Asked(_expire_at),
    "pexpire_at": Asked(_pexpire_at),
    "touch": Asked(_touch),
    "lock": Asked(_lock, "the same lock of redis-py, at the same key: workers of both exclude each other"),
    "clear": Asked(_clear, "removes this cache's keys, not the whole database"),
    "close": Asked(lambda c: c.close(), "does nothing: connections are kept"),
    "get_or_set": Asked(_get_or_set, "the same, and one caller of all makes it"),
    "sadd": Asked(_sets),
    "scard": Asked(_sets),
    "smembers": Asked(_sets),
    "sdiff": Asked(_after(lambda c: (c.sdiff("a", "b"), c.sdiff("no", "a")))),
    "sdiffstore": Asked(_after(lambda c: (c.sdiffstore("d", "a", "b"), c.smembers("d")))),
    "sinter": Asked(_after(lambda c: c.sinter("a", "b"))),
    "sinterstore": Asked(_after(lambda c: (c.sinterstore("d", "a", "b"), c.smembers("d")))),
    "sunion": Asked(_after(lambda c: c.sunion("a", "b"))),
    "sunionstore": Asked(_after(lambda c: (c.sunionstore("d", "a", "b"), c.smembers("d")))),
    "sismember": Asked(_after(lambda c: (c.sismember("a", 1), c.sismember("a", "1")))),
    "smismember": Asked(_after(lambda c: c.smismember("a", 1, 9, 3))),
    "smove": Asked(_after(lambda c: (c.smove("a", "b", 1), c.smove("a", "b", 9), c.smembers("b")))),
    "spop": Asked(_after(_spop)),
    "srandmember": Asked(_after(lambda c: (c.srandmember("a") in {1, 2, 3}, sorted(c.srandmember("a", 5))))),
    "srem": Asked(_after(lambda c: (c.srem("a", 1, 2, 9), c.smembers("a")))),
    "sscan": Asked(_after(lambda c: c.sscan("a"))),
    "sscan_iter": Asked(_sscan_iter),
    "hset": Asked(_hashes),
    "hlen": Asked(_hashes),
    "hkeys": Asked(_hashes),
    "hdel": Asked(_hdel),
    "hexists": Asked(_hdel),
    "zadd": Asked(_zadd),
    "zcard": Asked(_scored(lambda c: (c.zcard("z"), c.zcard("no")))),
    "zcount": Asked(_scored(lambda c: (c.zcount("z", 2, 3), c.zcount("z", "-inf", "(3")))),
    "zincrby": Asked(_scored(lambda c: (c.zincrby("z", 1.5, "a"), c.zscore("z", "a")))),
    "zpopmax": Asked(_scored(lambda c: (c.zpopmax("z"), c.zpopmax("z", 2), c.zpopmax("no"), c.zpopmax("no", 2)))),
    "zpopmin": Asked(_scored(lambda c: (c.zpopmin("z"), c.zpopmin("z", 2), c.zpopmin("no")))),
    "zrange": Asked(_scored(lambda c: (c.zrange("z", 0, 1), c.zrange("z", 0, -1, desc=True, withscores=True)))),
    "zrangebyscore": Asked(
        _scored(lambda c: (c.zrangebyscore("z", 2, "+inf"), c.zrangebyscore("z", 0, 9, 1, 2, withscores=True)))
    ),
    "zrank": Asked(_scored(lambda c: (c.zrank("z", "b"), c.zrank("z", "no")))),
    "zrem": Asked(_scored(lambda c: (c.zrem("z", "a", 4, "no"), c.zrange("z", 0, -1)))),
    "zremrangebyscore": Asked(_scored(lambda c: (c.zremrangebyscore("z", 2, 3), c.zrange("z", 0, -1)))),
    "zrevrange": Asked(_scored(lambda c: (c.zrevrange("z", 0, 1), c.zrevrange("z", 0, 0, withscores=True)))),
    "zrevrangebyscore": Asked(_scored(lambda c: (c.zrevrangebyscore("z", 3, 2), c.zrevrangebyscore("z", "+inf", 0, 1, 1)))),
    "zscore": Asked(_scored(lambda c: (c.zscore("z", "b"), c.zscore("z", "no")))),
    "client": Asked(_raw, "`get_client`, `make_key`, `encode`, `decode`; all else is the cache's own"),
}  # fmt: skip
"""By the name of the method of django-redis' `RedisCache`."""


CACHE_METHODS: dict[str, str] = {
    "add": "the same",
    "get": "the same",
    "set": "the same",
    "delete": "the same; of both keys, theirs and ours",
    "delete_many": "the same",
    "get_many": "the same",
    "set_many": "the same",
    "incr": "the same, on any version; atomic for every number, and its expiry stays",
    "incr_version": "the same",
    "touch": "the same",
    "has_key": "the same",
    "ttl": "the same",
    "persist": "the same",
    "expire": "`touch`; they have it in their dummy alone",
    "delete_pattern": "the same; it says once that a tag takes one step instead",
    "lock": "the same lock of redis-py, at the same key: workers of both exclude each other",
    "get_or_set": "one caller makes it, and nobody gets `None`. With `stale_cache_timeout` the others get the value "
    "from before for so long; without it they wait, where theirs serves it for ever. `lock_timeout` does nothing: "
    "one that loads is known to live, or not",
    "clear": "removes this cache's keys, or those of one version, not the whole database",
    "reinsert_keys": "takes over what they have stored; returns how much that was",
}
"""By the name of the method of django-redis-cache's `RedisCache`, what the page says."""
