"""Settings of django-redis-cache 3, in our own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from afresh.django.dropin.formats import JSON, MSGPACK, PICKLE
from afresh.django.dropin.pickles import allowed_by
from afresh.django.dropin.shards import CacheRing, Shard
from afresh.django.dropin.translated import (
    HERE,
    OURS,
    Translated,
    connection,
    encrypted,
    only_of,
    plain_url,
    server_url,
    truth,
)
from afresh.errors import ConfigurationError

NOOP: Final = "redis_cache.compressors.NoopCompressor"
_NOTHING: Final = frozenset({
    "CULL_FREQUENCY", "MAX_CONNECTIONS", "MAX_ENTRIES", "PICKLE_VERSION",
})  # fmt: skip
_TAKEN: Final = frozenset({
    "COMPRESSOR_CLASS", "COMPRESSOR_CLASS_KWARGS", "CONNECTION_POOL_CLASS", "CONNECTION_POOL_CLASS_KWARGS", "DB",
    "IGNORE_EXCEPTIONS", "MASTER_CACHE", "PARSER_CLASS", "PASSWORD", "SERIALIZER_CLASS", "SERIALIZER_CLASS_KWARGS",
    "SOCKET_CONNECT_TIMEOUT", "SOCKET_TIMEOUT",
})  # fmt: skip
OPTIONS: Final = _TAKEN | _NOTHING
"""All options of django-redis-cache 3."""
_DATABASE: Final = 1  # where neither the URL nor DB says one, and there is no URL: as they do


def translate(location: Any, params: Mapping[str, Any], *, sharded: bool = False) -> Translated:
    """Translate an entry of `CACHES`.

    Args:
        location: `LOCATION`.
        params: All of it.
        sharded: It is of `ShardedRedisCache`.

    Raises:
        ConfigurationError: Something of it can't be honoured; the message says what to write instead.
    """
    options: dict[str, Any] = dict(params.get("OPTIONS") or {})
    _check(options)
    redis: dict[str, Any] = dict(options.get("CONNECTION_POOL_CLASS_KWARGS") or {})
    for name in ("SOCKET_TIMEOUT", "SOCKET_CONNECT_TIMEOUT"):
        if options.get(name):
            redis[name.lower()] = options[name]
    password = params.get("password", options.get("PASSWORD"))
    if password:
        redis["password"] = password
    database = _database(params.get("db", options.get("DB", _DATABASE)))
    servers = [url_of(each, database) for each in _servers(location)]
    primary = options.get("MASTER_CACHE")
    where = servers[0] if primary is None else url_of(primary, database)
    if isinstance(where, str):
        where = encrypted(plain_url(where, redis), redis)
    serializer = options.get("SERIALIZER_CLASS", PICKLE[1])
    ours = {name: value for name, value in options.items() if name in OURS - HERE} | connection(redis)
    if "IGNORE_EXCEPTIONS" in options:
        ours["IGNORE_EXCEPTIONS"] = truth("IGNORE_EXCEPTIONS", options["IGNORE_EXCEPTIONS"])
    if serializer in {*JSON, *MSGPACK}:
        ours.setdefault("CODEC", "msgpack")  # no pickles were asked for
    return Translated(
        where,
        {
            **{name: value for name, value in params.items() if name not in {"db", "password"}},
            "OPTIONS": ours,
        },
        serializer,
        options.get("COMPRESSOR_CLASS", NOOP),
        shards=tuple(_shard(each, database) for each in _servers(location))
        if sharded and len(servers) > 1
        else (),
        ring=CacheRing,
        old=truth("OLD_VALUES", options.get("OLD_VALUES", True)),
        pickles=allowed_by(options.get("OLD_PICKLES")),
    )


def url_of(server: Any, database: int) -> Any:
    """`host:port`, the path of a socket, or a URL, as a URL with a database."""
    if not isinstance(server, str):
        return server
    if "://" not in server:
        if ":" in server:
            return f"redis://{server}/{database}"
        return f"unix://{server}?db={database}"
    if "+" in server.partition("://")[0] or "db=" in server:
        return server
    head, _, query = server.partition("?")
    scheme, _, rest = head.partition("://")
    if scheme == "unix" or "/" not in rest.rstrip("/"):
        query = "&".join(each for each in (query, f"db={database}") if each)
    return f"{head}?{query}" if query else head


def _shard(written: Any, database: int) -> Shard:
    """A server, and what their ring calls it: host, port, database, and the path of a socket."""
    url = server_url(str(url_of(written, database)))
    parts = urlsplit(url)
    number = int(dict(parse_qsl(parts.query)).get("db") or parts.path.strip("/") or database)
    return Shard(repr((parts.hostname, parts.port or 6379, number, "" if "://" in written else None)), url)


def _servers(location: Any) -> list[Any]:
    if not location:
        raise ConfigurationError("LOCATION: write host:6379, or redis://host:6379/0.")
    if isinstance(location, str):
        return location.split(",") if "+" not in location else [location]
    return list(location) if isinstance(location, (list, tuple)) else [location]


def _database(written: Any) -> int:
    try:
        return int(written)
    except (TypeError, ValueError):
        raise ConfigurationError(f"DB = {written!r}: write a number.") from None


def _check(options: Mapping[str, Any]) -> None:
    for name in options:
        if name not in OPTIONS | OURS:
            raise ConfigurationError(
                f"OPTIONS[{name!r}] is unknown: there are {', '.join(sorted(OPTIONS | OURS))}."
            )
    packages, advice = ("redis", "valkey", "hiredis"), "give the client that has it as LOCATION"
    for name in ("CONNECTION_POOL_CLASS", "PARSER_CLASS"):
        if options.get(name) is not None:
            only_of(options[name], packages, name, advice)
