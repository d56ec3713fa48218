"""Settings of django-redis 7, in our own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from afresh.django.dropin.formats import JSON, MSGPACK, PICKLE
from afresh.django.dropin.pickles import allowed_by
from afresh.django.dropin.shards import Shard
from afresh.django.dropin.translated import (
    HERE,
    OURS,
    Translated,
    connection,
    encrypted,
    only_of,
    plain_url,
    sentinel_url,
    server_url,
    truth,
)
from afresh.errors import ConfigurationError

IDENTITY: Final = "django_redis.compressors.identity.IdentityCompressor"
_CLIENTS: Final = {
    "django_redis.client.DefaultClient": "default",
    "django_redis.client.HerdClient": "herd",
    "django_redis.client.SentinelClient": "sentinel",
    "django_redis.client.ShardClient": "shard",
    "django_redis.client.default.DefaultClient": "default",
    "django_redis.client.herd.HerdClient": "herd",
    "django_redis.client.sentinel.SentinelClient": "sentinel",
    "django_redis.client.sharded.ShardClient": "shard",
}
_PASSED: Final = {
    "USERNAME": "username",
    "PASSWORD": "password",
    "SOCKET_TIMEOUT": "socket_timeout",
    "SOCKET_CONNECT_TIMEOUT": "socket_connect_timeout",
}
_PACKAGES: Final = {
    "CONNECTION_POOL_CLASS": (("redis", "valkey"), "give the client that has this pool as LOCATION"),
    "CONNECTION_FACTORY": (("django_redis",), "give the client that it makes as LOCATION"),
    "REDIS_CLIENT_CLASS": (("redis", "valkey"), "give a client of this class as LOCATION"),
    "PARSER_CLASS": (("redis", "valkey", "hiredis"), "leave it out: answers are parsed by hiredis"),
}
_NOTHING: Final = frozenset({
    "CLOSE_CONNECTION", "CULL_FREQUENCY", "MAX_ENTRIES", "PICKLE_VERSION", "REPLICA_READ_ONLY",
})  # fmt: skip
_TAKEN: Final = frozenset({
    "CLIENT_CLASS", "COMPRESSOR", "CONNECTION_POOL_KWARGS", "IGNORE_EXCEPTIONS", "REDIS_CLIENT_KWARGS",
    "SENTINELS", "SENTINEL_KWARGS", "SERIALIZER",
})  # fmt: skip
OPTIONS: Final = _TAKEN | _NOTHING | set(_PASSED) | set(_PACKAGES)
"""All options of django-redis 7."""


def translate(location: Any, params: Mapping[str, Any]) -> Translated:
    """Translate an entry of `CACHES`.

    Raises:
        ConfigurationError: Something of it can't be honoured; the message says what to write instead.
    """
    options: dict[str, Any] = dict(params.get("OPTIONS") or {})
    _check(options)
    kind = _kind(options.get("CLIENT_CLASS", "django_redis.client.DefaultClient"))
    servers = _servers(location)
    redis: dict[str, Any] = {}
    for name in ("REDIS_CLIENT_KWARGS", "CONNECTION_POOL_KWARGS"):
        redis |= options.get(name) or {}
    redis |= {_PASSED[name]: options[name] for name in _PASSED if options.get(name)}
    where: Any = servers[0]
    if isinstance(where, str):
        where = encrypted(plain_url(where, redis), redis)
        if kind == "sentinel" or options.get("SENTINELS"):
            where = _sentinel(where, options, redis)
    redis.pop("ssl", None)
    ours = {name: value for name, value in options.items() if name in OURS - HERE}
    ours |= connection(redis)
    _quiet(options, ours)
    serializer = options.get("SERIALIZER", PICKLE[0])
    if serializer in {*JSON, *MSGPACK}:
        ours.setdefault("CODEC", "msgpack")  # no pickles were asked for
    return Translated(
        where,
        {**params, "OPTIONS": ours},
        serializer,
        options.get("COMPRESSOR", IDENTITY),
        shards=_shards(servers) if kind == "shard" and len(servers) > 1 else (),
        herd=int(getattr(settings, "CACHE_HERD_TIMEOUT", 60)) if kind == "herd" else 0,
        old=truth("OLD_VALUES", options.get("OLD_VALUES", True)),
        pickles=allowed_by(options.get("OLD_PICKLES")),
    )


def _check(options: Mapping[str, Any]) -> None:
    for name in options:
        if name not in OPTIONS | OURS:
            raise ConfigurationError(
                f"OPTIONS[{name!r}] is unknown: there are {', '.join(sorted(OPTIONS | OURS))}."
            )
    for name, (packages, advice) in _PACKAGES.items():
        if options.get(name) is not None:
            only_of(options[name], packages, name, advice)
    factory = getattr(settings, "DJANGO_REDIS_CONNECTION_FACTORY", None)
    if factory is not None:
        only_of(factory, ("django_redis",), "CONNECTION_FACTORY", "give the client that it makes as LOCATION")


def _kind(path: Any) -> str:
    name = path if isinstance(path, str) else f"{path.__module__}.{path.__qualname__}"
    if name not in _CLIENTS:
        raise ConfigurationError(
            f'OPTIONS["CLIENT_CLASS"] = {path!r}: a client class of your own is not called here. Leave it out, '
            "and put what it does into a class derived from afresh.django.dropin.django_redis.RedisCache."
        )
    return _CLIENTS[name]


def _servers(location: Any) -> Sequence[Any]:
    """The first is the primary; from replicas nothing is read, since what they have may be older."""
    if not location:
        raise ConfigurationError("LOCATION: write redis://host:6379/0.")
    if isinstance(location, str):
        return [each.strip() for each in location.split(",")] if "+" not in location else [location]
    return list(location) if isinstance(location, (list, tuple, set)) else [location]


def _sentinel(url: str, options: Mapping[str, Any], redis: dict[str, Any]) -> str:
    parts = urlsplit(url)
    if "+sentinel" in parts.scheme:
        return url
    database = str(redis.pop("db", "") or parts.path.strip("/"))
    for name, value in (("username", parts.username), ("password", parts.password)):
        if value:
            redis.setdefault(name, value)
    login = options.get("SENTINEL_KWARGS") or {}
    tls = parts.scheme == "rediss"
    return sentinel_url(options.get("SENTINELS"), parts.hostname or "", database, tls, login)


def _shards(servers: Sequence[Any]) -> tuple[Shard, ...]:
    return tuple(Shard(str(each), server_url(str(each))) for each in servers)


def _quiet(options: Mapping[str, Any], ours: dict[str, Any]) -> None:
    """Whether trouble is an error: only where that was said. Reads never fail."""
    said = options.get("IGNORE_EXCEPTIONS", getattr(settings, "DJANGO_REDIS_IGNORE_EXCEPTIONS", None))
    if said is not None:
        ours["IGNORE_EXCEPTIONS"] = bool(said)
