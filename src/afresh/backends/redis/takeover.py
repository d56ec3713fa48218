"""A client that the user has made with redis-py or valkey-py: its settings, for connections of our own.

Nothing of these packages is imported here: the objects are known by where their classes come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afresh.backends.endpoint import Endpoint, Tls
from afresh.backends.redis.address import Address
from afresh.errors import ConfigurationError

_PACKAGES = ("redis", "valkey")
_CONNECTIONS = (
    "Connection",
    "SSLConnection",
    "UnixDomainSocketConnection",
    "SentinelManagedConnection",
    "SentinelManagedSSLConnection",
)
_TLS_KNOWN = {
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_ca_data",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_password",
    "ssl_check_hostname",
    "ssl_cert_reqs",
}
_VERIFIED = {"required", "optional", "CERT_REQUIRED", "CERT_OPTIONAL", 2, 1}


def take_over(client: Any) -> Address:
    """The address that a client object connects to.

    Raises:
        ConfigurationError: It has something that can't be taken over; the message says what.
    """
    if not _is_of(type(client), _PACKAGES):
        raise ConfigurationError(
            f"{type(client).__name__} is no client of redis-py or valkey-py: give one, or a URL."
        )
    nodes = getattr(client, "nodes_manager", None)
    if nodes is not None:
        return _cluster(client, nodes)
    pool = getattr(client, "connection_pool", None)
    if pool is None or type(client).__name__ in {"PubSub", "Pipeline", "Monitor"}:
        raise ConfigurationError(f"{type(client).__name__} is no client: give the client that it comes from.")
    settings: Mapping[str, Any] = pool.connection_kwargs
    _only_known(pool.connection_class, settings)
    manager = getattr(pool, "sentinel_manager", None)
    if manager is not None:
        return _sentinel(pool, manager, settings)
    return _address("server", (_endpoint(settings),), settings, tls=_encrypted(pool.connection_class))


def _cluster(client: Any, nodes: Any) -> Address:
    settings = getattr(nodes, "connection_kwargs", None)
    if not isinstance(settings, Mapping):
        settings = client.connection_kwargs
    endpoints = tuple(Endpoint(str(node.host), int(node.port)) for node in nodes.startup_nodes.values())
    wanted = settings.get("connection_class")
    tls = bool(settings.get("ssl")) or (wanted is not None and _encrypted(wanted))
    return _address("cluster", endpoints, {**settings, "db": 0}, tls=tls)


def _sentinel(pool: Any, manager: Any, settings: Mapping[str, Any]) -> Address:
    if not pool.is_master:
        raise ConfigurationError(
            "a client of replicas can't be a cache's: give sentinel.master_for(…), not slave_for(…)."
        )
    theirs = [sentinel.connection_pool.connection_kwargs for sentinel in manager.sentinels]
    return _address(
        "sentinel",
        tuple(map(_endpoint, theirs)),
        settings,
        tls=_encrypted(pool.connection_class),
        service=str(pool.service_name),
        sentinel_username=theirs[0].get("username") or "",
        sentinel_password=theirs[0].get("password") or "",
    )


def _address(
    kind: Any, endpoints: tuple[Endpoint, ...], settings: Mapping[str, Any], *, tls: bool, **more: Any
) -> Address:
    if not endpoints:
        raise ConfigurationError("the client knows no host: give a URL.")
    return Address(
        kind,
        endpoints,
        db=int(settings.get("db") or 0),
        username=settings.get("username") or "",
        password=_text(settings.get("password")),
        credentials=settings.get("credential_provider"),
        tls=_tls(settings) if tls else None,
        client_name=settings.get("client_name") or "afresh",
        **more,
    )


def _endpoint(settings: Mapping[str, Any]) -> Endpoint:
    if settings.get("path"):
        return Endpoint(path=str(settings["path"]))
    return Endpoint(str(settings.get("host") or "localhost"), int(settings.get("port") or 6379))


def _tls(settings: Mapping[str, Any]) -> Tls:
    strange = sorted(
        name
        for name, value in settings.items()
        if name.startswith("ssl_") and value and name not in _TLS_KNOWN
    )
    if strange:
        raise ConfigurationError(f"{strange[0]} of a client can't be taken over: give a rediss:// URL.")
    verify = settings.get("ssl_cert_reqs", "required")
    return Tls(
        settings.get("ssl_ca_certs"),
        settings.get("ssl_certfile"),
        settings.get("ssl_keyfile"),
        bool(settings.get("ssl_check_hostname", True)),
        verify in _VERIFIED,
        settings.get("ssl_ca_path"),
        settings.get("ssl_ca_data"),
        settings.get("ssl_password"),
    )


def _only_known(connection: type, settings: Mapping[str, Any]) -> None:
    if connection.__name__ not in _CONNECTIONS or not _is_of(connection, _PACKAGES, own=True):
        raise ConfigurationError(
            f"{connection.__name__}, a connection class of your own, can't be taken over: give a URL."
        )
    if settings.get("redis_connect_func") is not None:
        raise ConfigurationError("a client with redis_connect_func can't be taken over: give a URL.")


def _encrypted(connection: type) -> bool:
    return "SSL" in connection.__name__


def _is_of(kind: type, packages: tuple[str, ...], *, own: bool = False) -> bool:
    """Whether a class, or (not `own`) one that it is derived from, comes from these packages."""
    classes = (kind,) if own else kind.__mro__
    return any(each.__module__.partition(".")[0] in packages for each in classes)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")
