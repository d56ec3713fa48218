"""From the settings of Flask-Caching to ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from afresh.errors import ConfigurationError

DEFAULT_TIMEOUT: Final = 300
_THRESHOLD: Final = 500

_WITHOUT_EFFECT = (
    "CACHE_FILE_HASH_METHOD", "CACHE_HASH_METHOD", "CACHE_IGNORE_ERRORS", "CACHE_NO_NULL_WARNING",
    "CACHE_SOURCE_CHECK",
)  # fmt: skip
"""What needs no setting here, or is read elsewhere."""

_REFUSED = {
    "CACHE_ARGS": "name the place by CACHE_REDIS_URL, CACHE_DIR or AFRESH_URL",
    "CACHE_ENABLE_SIGNALS": "use cache.cache.listen(function)",
    "CACHE_MEMCACHED_PASSWORD": "memcached with a password is not spoken to",
    "CACHE_MEMCACHED_USERNAME": "memcached with a password is not spoken to",
    "CACHE_OPTIONS": "write them into CACHE_REDIS_URL, redis://host/0?timeout=1",
    "CACHE_SERIALIZER": "give a codec, AFRESH_CODEC",
}
"""What is refused where it is set, and what to do instead."""


def url_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """What `Cache` takes, for a configuration of Flask-Caching.

    Raises:
        ConfigurationError: A setting has no counterpart.
    """
    _check(config)
    kind = str(config.get("CACHE_TYPE", "SimpleCache")).rpartition(".")[2]
    maker = _KINDS.get(kind.lower())
    if maker is None:
        raise ConfigurationError(f"CACHE_TYPE={config['CACHE_TYPE']!r}: there are {', '.join(_NAMES)}.")
    given = maker(config)
    prefix = config.get("CACHE_KEY_PREFIX")
    if prefix:
        given["namespace"] = str(prefix).strip(":").replace(":", "-")
    timeout = config.get("CACHE_DEFAULT_TIMEOUT", DEFAULT_TIMEOUT)
    given["ttl"] = timeout or None  # 0 is for ever
    return given


def _check(config: Mapping[str, Any]) -> None:
    for name, value in config.items():
        if not name.startswith("CACHE_") or not value:
            continue
        if name in _REFUSED:
            raise ConfigurationError(f"{name} is not supported: {_REFUSED[name]}.")
        if name not in _KNOWN and name not in _WITHOUT_EFFECT:
            raise ConfigurationError(f"{name} is not a setting of Flask-Caching that is known here.")


def _memory(config: Mapping[str, Any]) -> dict[str, Any]:
    return {"url": "memory://", "l1": int(config.get("CACHE_THRESHOLD", _THRESHOLD))}


def _nowhere(config: Mapping[str, Any]) -> dict[str, Any]:
    return {"url": "null://"}


def _files(config: Mapping[str, Any]) -> dict[str, Any]:
    folder = config.get("CACHE_DIR")
    if not folder:
        raise ConfigurationError(
            "CACHE_TYPE='FileSystemCache' needs CACHE_DIR; AFRESH_URL=None is this machine."
        )
    path = Path(folder).absolute()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {"url": f"sqlite:///{path}/afresh.sqlite3"}


def _redis(config: Mapping[str, Any]) -> dict[str, Any]:
    url = config.get("CACHE_REDIS_URL")
    if url:
        return {"url": url}
    host = config.get("CACHE_REDIS_HOST", "localhost")
    if not isinstance(host, str):  # a client of redis-py
        return {"url": host}
    address = f"{host}:{config.get('CACHE_REDIS_PORT', 6379)}"
    return {"url": f"redis://{_password(config)}{address}/{config.get('CACHE_REDIS_DB', 0)}"}


def _sentinel(config: Mapping[str, Any]) -> dict[str, Any]:
    if config.get("CACHE_REDIS_SENTINEL_PASSWORD"):
        raise ConfigurationError("CACHE_REDIS_SENTINEL_PASSWORD: write AFRESH_URL, redis+sentinel://…")
    sentinels = config.get("CACHE_REDIS_SENTINELS", [("127.0.0.1", 26379)])
    hosts = ",".join(f"{host}:{port}" for host, port, *_ in sentinels)
    master, db = config.get("CACHE_REDIS_SENTINEL_MASTER", "mymaster"), config.get("CACHE_REDIS_DB", 0)
    return {"url": f"redis+sentinel://{_password(config)}{hosts}/{master}/{db}"}


def _cluster(config: Mapping[str, Any]) -> dict[str, Any]:
    nodes = str(config.get("CACHE_REDIS_CLUSTER", "")).replace(" ", "")
    return {"url": f"redis+cluster://{_password(config)}{nodes}"}


def _memcached(config: Mapping[str, Any]) -> dict[str, Any]:
    servers = config.get("CACHE_MEMCACHED_SERVERS") or ["127.0.0.1:11211"]
    if not isinstance(servers, Sequence) or isinstance(servers, str):
        raise ConfigurationError(f"CACHE_MEMCACHED_SERVERS={servers!r}: give a list, ['host:11211'].")
    names = [each if isinstance(each, str) else ":".join(map(str, each)) for each in servers]
    return {"url": f"memcached://{','.join(names)}"}


def _password(config: Mapping[str, Any]) -> str:
    password = config.get("CACHE_REDIS_PASSWORD")
    return f":{quote(password, safe='')}@" if password else ""


_KINDS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "simple": _memory, "simplecache": _memory, "null": _nowhere, "nullcache": _nowhere,
    "filesystem": _files, "filesystemcache": _files, "redis": _redis, "rediscache": _redis,
    "redissentinel": _sentinel, "redissentinelcache": _sentinel, "rediscluster": _cluster,
    "redisclustercache": _cluster, "memcached": _memcached, "memcachedcache": _memcached,
}  # fmt: skip
_NAMES = (
    "SimpleCache", "NullCache", "FileSystemCache", "RedisCache", "RedisSentinelCache", "RedisClusterCache",
    "MemcachedCache",
)  # fmt: skip
_KNOWN = (
    "CACHE_DEFAULT_TIMEOUT", "CACHE_DIR", "CACHE_KEY_PREFIX", "CACHE_MEMCACHED_SERVERS", "CACHE_REDIS_CLUSTER",
    "CACHE_REDIS_DB", "CACHE_REDIS_HOST", "CACHE_REDIS_PASSWORD", "CACHE_REDIS_PORT",
    "CACHE_REDIS_SENTINELS", "CACHE_REDIS_SENTINEL_MASTER", "CACHE_REDIS_SENTINEL_PASSWORD", "CACHE_REDIS_URL",
    "CACHE_THRESHOLD", "CACHE_TYPE",
)  # fmt: skip
