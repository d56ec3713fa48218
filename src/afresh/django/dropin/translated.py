"""What a translator makes of another library's entry of `CACHES`, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from afresh.django.dropin.shards import Ring, Shard
from afresh.errors import ConfigurationError

OURS: Final = frozenset({
    "ANNOUNCE", "CODEC", "CONSISTENCY", "DEPENDENCIES", "FALLBACK", "L1", "MAX_LOADS", "MAX_STALE", "MODE",
    "NAMESPACE", "OLD_PICKLES", "OLD_VALUES",
})  # fmt: skip
"""Our own options, which go beside theirs."""

HERE: Final = frozenset({"OLD_PICKLES", "OLD_VALUES"})
"""Those of them that are the drop-in's."""

_URL: Final = frozenset(
    {"write_timeout", "connect_timeout", "ledger", "sentinel_username", "sentinel_password"}
)
_POOL: Final = frozenset({"timeout", "is_master"})  # of redis-py's pools: how long one waits for a connection


class Translated(NamedTuple):
    """An entry of `CACHES`.

    Attributes:
        location: Our `LOCATION`.
        params: Our entry.
        serializer: The dotted path of how their values are serialized, and
        compressor: compressed.
        shards: Where their values are, if they are spread, and
        ring: how.
        herd: For how many seconds `HerdClient` keeps a value after its time; 0 for none.
        old: Their values are read.
        pickles: What may be unpickled of them; `None`: nothing.
    """

    location: Any
    params: dict[str, Any]
    serializer: str
    compressor: str
    shards: tuple[Shard, ...] = ()
    ring: type[Ring] = Ring
    herd: int = 0
    old: bool = True
    pickles: frozenset[str] | None = None


def plain_url(url: str, options: dict[str, Any]) -> str:
    """A URL as redis-py takes it, without what stands behind `?`, which is added to the options of its name.

    Args:
        url: The URL.
        options: Of redis-py; what is there counts.
    """
    parts = urlsplit(url)
    kept = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in _URL:
            kept[name] = value
        elif name not in _POOL:
            options.setdefault(name, value)
    query = f"?{urlencode(kept)}" if kept else ""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{query}"


def server_url(url: str) -> str:
    """A URL of one of several servers, with its database and nothing else behind `?`."""
    options: dict[str, Any] = {}
    plain = plain_url(url, options)
    return f"{plain}?db={options['db']}" if "db" in options else plain


def encrypted(url: str, options: dict[str, Any]) -> str:
    """The URL, for TLS if the options say so."""
    if options.pop("ssl", False) and url.startswith("redis://"):
        return f"rediss{url[5:]}"
    return url


def connection(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of redis-py that are taken over, or do nothing; see `afresh.django.cache.options`."""
    found = {name: value for name, value in options.items() if name not in _POOL}
    if "ssl_cert_reqs" in found and found["ssl_cert_reqs"] is None:
        found["ssl_cert_reqs"] = "none"
    return found


def sentinel_url(
    sentinels: Any, service: str, database: str, encrypted: bool, login: Mapping[str, Any]
) -> str:
    """The URL of a service that sentinels know.

    Raises:
        ConfigurationError: `sentinels` are none.
    """
    try:
        hosts = ",".join(f"{host}:{int(port)}" for host, port in sentinels)
    except (TypeError, ValueError):
        hosts = ""
    if not hosts:
        raise ConfigurationError(f'OPTIONS["SENTINELS"] = {sentinels!r}: give a list of (host, port).')
    asked = {f"sentinel_{name}": str(login[name]) for name in ("username", "password") if login.get(name)}
    query = f"?{urlencode(asked)}" if asked else ""
    path = f"{quote(service, safe='')}/{database or '0'}"
    return f"{'rediss' if encrypted else 'redis'}+sentinel://{hosts}/{path}{query}"


def only_of(value: Any, packages: tuple[str, ...], option: str, advice: str) -> None:
    """Refuse what is of the project's own, where it can't be honoured.

    Raises:
        ConfigurationError: It is.
    """
    path = value if isinstance(value, str) else f"{getattr(value, '__module__', '')}.{value}"
    if path.partition(".")[0] not in packages:
        raise ConfigurationError(f"OPTIONS[{option!r}] = {value!r}: {advice}.")


def truth(option: str, value: Any) -> bool:
    """A flag.

    Raises:
        ConfigurationError: It is none.
    """
    if not isinstance(value, bool):
        raise ConfigurationError(f"OPTIONS[{option!r}] = {value!r}: write True or False.")
    return value
