"""What becomes of each option of both libraries, for the page in the docs; and the test that proves it."""

from __future__ import annotations

SETTINGS = "test_dropin_settings.py"
VALUES = "test_dropin_old_values.py"
HERD = "test_dropin_herd.py"

OF_DJANGO_REDIS: dict[str, tuple[str, str]] = {
    "CLIENT_CLASS": (
        "`DefaultClient`, `SentinelClient`; `HerdClient`: exactly one caller makes a value anew, counting and "
        "`touch` work; `ShardClient`: values live on the first server, theirs are read on each. One of your own is refused",
        SETTINGS,
    ),
    "CLOSE_CONNECTION": ("does nothing: connections are kept for the next request", SETTINGS),
    "COMPRESSOR": (
        "what was compressed is read; one of your own too. Ours is zstd, where it is installed",
        VALUES,
    ),
    "CONNECTION_FACTORY": ("theirs is accepted; one of your own is refused", SETTINGS),
    "CONNECTION_POOL_CLASS": ("redis-py's are accepted, and do nothing: connections are our own", SETTINGS),
    "CONNECTION_POOL_KWARGS": (
        "deadlines, TLS, login and database are taken over; sizes and retries do nothing",
        SETTINGS,
    ),
    "IGNORE_EXCEPTIONS": (
        "`False`: a write that fails raises. Not given: nothing raises, where theirs does. A read never raises",
        SETTINGS,
    ),
    "PARSER_CLASS": ("redis-py's are accepted, and do nothing", SETTINGS),
    "PASSWORD": ("taken over", SETTINGS),
    "PICKLE_VERSION": ("does nothing: pickles are of protocol 5, and signed", SETTINGS),
    "REDIS_CLIENT_CLASS": ("redis-py's are accepted, and do nothing; one of your own is refused", SETTINGS),
    "REDIS_CLIENT_KWARGS": ("as CONNECTION_POOL_KWARGS; `ssl` makes it `rediss://`", SETTINGS),
    "REPLICA_READ_ONLY": (
        "does nothing: from replicas nothing is read, as what they have may be older",
        SETTINGS,
    ),
    "SENTINELS": ("taken over", SETTINGS),
    "SENTINEL_KWARGS": ("`username` and `password` are taken over", SETTINGS),
    "SERIALIZER": (
        "what was serialized is read; one of your own too. JSON and msgpack: `CODEC` is `msgpack`, which takes no pickles",
        VALUES,
    ),
    "SOCKET_CONNECT_TIMEOUT": ("taken over; by default half a second", SETTINGS),
    "SOCKET_TIMEOUT": ("taken over; by default 50 ms for reading", SETTINGS),
    "USERNAME": ("taken over", SETTINGS),
    "CULL_FREQUENCY": ("does nothing, as there", SETTINGS),
    "MAX_ENTRIES": ("does nothing, as there: the server has its limit", SETTINGS),
}

BESIDE: dict[str, tuple[str, str]] = {
    "KEY_PREFIX, VERSION, TIMEOUT, KEY_FUNCTION": ("as in Django", VALUES),
    "REVERSE_KEY_FUNCTION": ("what `keys` and `iter_keys` return", SETTINGS),
    "DJANGO_REDIS_IGNORE_EXCEPTIONS": ("as IGNORE_EXCEPTIONS, for all", SETTINGS),
    "DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS, DJANGO_REDIS_LOGGER": (
        "do nothing: trouble is told once, to the logger `afresh`, and is an event",
        SETTINGS,
    ),
    "DJANGO_REDIS_CONNECTION_FACTORY": ("as CONNECTION_FACTORY", SETTINGS),
    "DJANGO_REDIS_CLOSE_CONNECTION": ("does nothing", SETTINGS),
    "DJANGO_REDIS_SCAN_ITERSIZE": ("does nothing: 512; `itersize` of a call counts", SETTINGS),
    "CACHE_HERD_TIMEOUT": ("for how long `HerdClient` keeps a value after its time", HERD),
}

OF_REDIS_CACHE: dict[str, tuple[str, str]] = {
    "DB": ("taken over; 1 by default, as there", SETTINGS),
    "PASSWORD": ("taken over", SETTINGS),
    "PARSER_CLASS": ("redis-py's are accepted, and do nothing", SETTINGS),
    "PICKLE_VERSION": ("does nothing: pickles are of protocol 5, and signed", SETTINGS),
    "SOCKET_TIMEOUT": ("taken over; by default 50 ms for reading", SETTINGS),
    "SOCKET_CONNECT_TIMEOUT": ("taken over; by default half a second", SETTINGS),
    "CONNECTION_POOL_CLASS": (
        "redis-py's are accepted, and do nothing; one of your own is refused",
        SETTINGS,
    ),
    "CONNECTION_POOL_CLASS_KWARGS": ("deadlines, TLS and login are taken over; sizes do nothing", SETTINGS),
    "SERIALIZER_CLASS": (
        "what was serialized is read, but for YAML; JSON and msgpack: `CODEC` is `msgpack`",
        SETTINGS,
    ),
    "SERIALIZER_CLASS_KWARGS": ("do nothing", SETTINGS),
    "COMPRESSOR_CLASS": ("what was compressed is read; one of your own too", SETTINGS),
    "COMPRESSOR_CLASS_KWARGS": ("do nothing: what is read says how it was compressed", SETTINGS),
    "MASTER_CACHE": ("is where values live; from replicas nothing is read", SETTINGS),
    "MAX_CONNECTIONS": ("does nothing, as there", SETTINGS),
    "CULL_FREQUENCY": ("does nothing, as there", SETTINGS),
    "MAX_ENTRIES": ("does nothing, as there", SETTINGS),
    "IGNORE_EXCEPTIONS": ("ours: `False`: a write that fails raises", SETTINGS),
}
