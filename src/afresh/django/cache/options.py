"""`OPTIONS`: our own names, and those that Django's own backends pass on to their clients.

What another client's option asks for is done, or has no meaning here and does nothing; what would be
lost silently is refused. The tables below say which is which.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from afresh.errors import ConfigurationError

OWN: Final = {
    "ANNOUNCE": "announced",
    "CODEC": "codec",
    "CONSISTENCY": "consistency",
    "DEPENDENCIES": "dependencies",
    "FALLBACK": "fallback",
    "IGNORE_EXCEPTIONS": "quiet",
    "L1": "l1",
    "MAX_ENTRIES": "max_entries",
    "MAX_LOADS": "max_loads",
    "MAX_STALE": "max_stale",
    "MODE": "mode",
    "NAMESPACE": "namespace",
    "serializer": "serializer",
    "SERIALIZER": "serializer",
}
"""Our own options, and the settings that they become."""

REDIS: Final = {
    "client_name": "client_name",
    "db": "db",
    "socket_connect_timeout": "connect_timeout",
    "socket_timeout": "timeout",
    "ssl_ca_certs": "ssl_ca_certs",
    "ssl_cert_reqs": "ssl_cert_reqs",
    "ssl_certfile": "ssl_certfile",
    "ssl_check_hostname": "ssl_check_hostname",
    "ssl_keyfile": "ssl_keyfile",
}
"""Options of Django's RedisCache (that is, of redis-py), and what the URL calls them."""

LOGIN: Final = ("username", "password")
"""They stand in a Redis URL before the host."""

MEMCACHED: Final = {"timeout": "timeout", "connect_timeout": "connect_timeout"}
"""Options of Django's PyMemcacheCache (that is, of pymemcache), and what the URL calls them."""

PYLIBMC_SECONDS: Final = {
    "connect_timeout": ("connect_timeout", 1e-3),
    "_poll_timeout": ("timeout", 1e-3),
    "receive_timeout": ("timeout", 1e-6),
    "send_timeout": ("timeout", 1e-6),
}
"""Behaviours of pylibmc that are deadlines, what the URL calls them, and their unit in seconds."""

MEANINGLESS: Final = {
    "redis": frozenset({
        "decode_responses", "driver_info", "encoding", "encoding_errors", "health_check_interval", "lib_name",
        "lib_version", "max_connections", "parser_class", "pool_class", "protocol", "retry", "retry_on_error",
        "retry_on_timeout", "single_connection_client", "socket_keepalive", "socket_keepalive_options",
        "socket_read_size", "socket_type", "timeout",
    }),
    "memcached": frozenset({
        "allow_unicode_keys", "auto_eject", "binary", "buffer_requests", "cas", "dead_timeout", "default_noreply",
        "distribution", "encoding", "failure_limit", "hash", "hasher", "ketama", "ketama_hash", "ketama_weighted",
        "lock_generator", "max_pool_size", "no_block", "no_delay", "num_replicas", "pool_idle_timeout",
        "pickle_protocol", "rcv_timeout", "remove_failed", "retry_attempts", "retry_timeout", "snd_timeout",
        "socket_keepalive", "socket_module", "support_cas", "tcp_keepalive", "tcp_nodelay", "use_pooling",
        "verify_keys", "dead_retry", "randomize_replica_read",
    }),
    "": frozenset({"CULL_FREQUENCY"}),
}  # fmt: skip
"""What does nothing here, since connections, pools, retries, parsers and the spread of keys are our own."""

ADVICE: Final = {
    "connection_pool": "give the client that has it as LOCATION",
    "credential_provider": "give a client of redis-py that has it as LOCATION",
    "deserializer": 'write "serializer": a class with dumps and loads',
    "key_prefix": "write KEY_PREFIX, beside OPTIONS",
    "password": "memcached knows no users here; leave it out",
    "serde": 'write "serializer": a class with dumps and loads',
    "tls_context": "write memcacheds://host:11211?ssl_ca_certs=… as LOCATION",
    "username": "memcached knows no users here; leave it out",
}
"""What would be lost silently, and what to write instead."""


class Divided(NamedTuple):
    """`OPTIONS`, divided by what becomes of them.

    Attributes:
        own: Our settings.
        url: What the URL gets behind `?`.
        login: Who logs in at a Redis server.
    """

    own: dict[str, Any]
    url: dict[str, str]
    login: dict[str, str]

    def take(self, kind: str, name: str, value: Any) -> bool:
        """Take one option, if it is one that is done; `False` if it is none of those."""
        if name in OWN:
            self.own[OWN[name]] = value
        elif kind == "redis" and name in LOGIN:
            self.login[name] = _text(value or "")
        elif name in (REDIS if kind == "redis" else MEMCACHED if kind == "memcached" else ()):
            if value is not None:
                self.url[(REDIS if kind == "redis" else MEMCACHED)[name]] = _text(value)
        elif kind == "memcached" and name == "behaviors":
            self.url.update(_behaviours(value))
        elif kind == "memcached" and name == "ignore_exc":
            self.own.setdefault("quiet", bool(value))
        else:
            return False
        return True


def divided(kind: str, options: Mapping[str, Any]) -> Divided:
    """Divide `OPTIONS`.

    Args:
        kind: Of the `Location`.
        options: What was given.

    Raises:
        ConfigurationError: One of them is unknown, or can't be honoured.
    """
    found = Divided({}, {}, {})
    for name, value in options.items():
        if not found.take(kind, name, value) and not _does_nothing(kind, name, value):
            raise ConfigurationError(_refusal(kind, name))
    return found


def _does_nothing(kind: str, name: str, value: object) -> bool:
    if name in MEANINGLESS[""]:
        return True
    if name == "pool_class" and not _of_redis(value):
        return False  # a pool of the user's own may find its servers in its own way
    return (name in MEANINGLESS.get(kind, ())) or (name in ADVICE and value in {None, ""})


def _of_redis(value: object) -> bool:
    module = value if isinstance(value, str) else getattr(value, "__module__", "")
    return module.partition(".")[0] in {"redis", "valkey"}


def _behaviours(given: Mapping[str, Any]) -> dict[str, str]:
    """The behaviours of pylibmc: its deadlines are taken over, the rest is our own."""
    found: dict[str, str] = {}
    for name, value in given.items():
        if name in PYLIBMC_SECONDS:
            option, unit = PYLIBMC_SECONDS[name]
            if value:
                found[option] = str(max(float(found.get(option, 0)), value * unit))
        elif name not in MEANINGLESS["memcached"]:
            raise ConfigurationError(
                f'OPTIONS["behaviors"][{name!r}] is no behaviour that is known here: leave it out.'
            )
    return found


def _refusal(kind: str, name: str) -> str:
    advice = ADVICE.get(name)
    if name == "pool_class":
        advice = ADVICE["connection_pool"]
    if advice is not None:
        return f"OPTIONS[{name!r}]: {advice}."
    theirs = {"redis": sorted((*REDIS, *LOGIN)), "memcached": sorted((*MEMCACHED, "behaviors"))}.get(kind, [])
    return f"OPTIONS[{name!r}] is unknown: there are {', '.join([*sorted(OWN), *theirs])}."


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
