"""An entry of `CACHES` of another library, written anew: for the time of the switch, or for good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from afresh.django.dropin import of_django_redis, of_redis_cache
from afresh.django.dropin.formats import PICKLE

PATHS: Final = {
    "django_redis.cache.RedisCache": "afresh.django.dropin.django_redis.RedisCache",
    "redis_cache.RedisCache": "afresh.django.dropin.redis_cache.RedisCache",
    "redis_cache.ShardedRedisCache": "afresh.django.dropin.redis_cache.ShardedRedisCache",
    "redis_cache.RedisDummyCache": "afresh.django.dropin.redis_cache.RedisDummyCache",
    "redis_cache.backends.single.RedisCache": "afresh.django.dropin.redis_cache.RedisCache",
    "redis_cache.backends.multiple.ShardedRedisCache": "afresh.django.dropin.redis_cache.ShardedRedisCache",
    "redis_cache.backends.dummy.RedisDummyCache": "afresh.django.dropin.redis_cache.RedisDummyCache",
    "redis_cache.cache.RedisCache": "afresh.django.dropin.redis_cache.RedisCache",
    "redis_cache.cache.ShardedRedisCache": "afresh.django.dropin.redis_cache.ShardedRedisCache",
}
"""Their dotted paths, and what to write instead."""

HIDDEN: Final = "as before"
"""Stands for a password."""

_SECRET: Final = frozenset({"PASSWORD", "password", "SENTINEL_KWARGS"})


class Migrated(NamedTuple):
    """An entry, written anew.

    Attributes:
        entry: What to write. Passwords are left out of it.
        notes: What to know of it.
    """

    entry: dict[str, Any]
    notes: list[str]


def migrated(entry: Mapping[str, Any], *, final: bool) -> Migrated | None:
    """The new entry for an old one; `None` if it is of neither library.

    Args:
        entry: Of `CACHES`.
        final: In our own words, for when no worker of the other library runs any more.

    Raises:
        ConfigurationError: Something of it can't be honoured; the message says what to write instead.
    """
    written = str(entry.get("BACKEND", ""))
    path = PATHS.get(written, written)
    if path not in PATHS.values():
        return None
    if path.endswith("RedisDummyCache"):
        return Migrated({**entry, "BACKEND": "django.core.cache.backends.dummy.DummyCache"}, [])
    module = of_django_redis if ".django_redis." in path else of_redis_cache
    found = module.translate(entry.get("LOCATION"), entry)
    if final:
        params = {name: value for name, value in found.params.items() if name != "REVERSE_KEY_FUNCTION"}
        ours = {**params, "BACKEND": "afresh.django.CacheBackend", "LOCATION": found.location}
        notes = [
            "its further methods (ttl, keys, sadd …) are the drop-in's: what calls them stays with that."
        ]
        return Migrated(_shown(ours), notes)
    options = dict(entry.get("OPTIONS") or {})
    notes = ["read what they stored until it has expired, then write OLD_VALUES: False, which saves a trip."]
    if found.serializer in PICKLE:
        options.setdefault("OLD_PICKLES", [])
        notes.append("OLD_PICKLES: list the classes of your own that are in the cache; others are made anew.")
    options.setdefault("OLD_VALUES", True)
    if found.shards:
        notes.append("several servers: values live on the first; write redis+cluster://… for a cluster.")
    return Migrated(_shown({**entry, "BACKEND": path, "OPTIONS": options}), notes)


def _shown(value: Any, name: str = "") -> Any:
    """Settings, without what is secret in them."""
    if name in _SECRET and value:
        return HIDDEN
    if isinstance(value, Mapping):
        return {key: _shown(each, key) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shown(each) for each in value]
    if isinstance(value, str) and "://" in value and "@" in value:
        parts = urlsplit(value)
        user, colon, _ = parts.netloc.rpartition("@")[0].partition(":")
        host = parts.netloc.rpartition("@")[2]
        return value.replace(parts.netloc, f"{user}{colon}{HIDDEN if colon else ''}@{host}", 1)
    return value
