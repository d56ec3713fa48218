"""Where a Redis or Valkey is: from a URL to an address, and nothing is connected yet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

from afresh.backends.endpoint import SECONDS, TLS, Endpoint, Tls, endpoint_of, options_of, seconds_of, tls_of
from afresh.errors import ConfigurationError

Kind: TypeAlias = Literal["server", "sentinel", "cluster"]

_SCHEMES: dict[str, tuple[bool, bool]] = {  # name → TLS, unix socket
    "redis": (False, False),
    "rediss": (True, False),
    "valkey": (False, False),
    "valkeys": (True, False),
    "unix": (False, True),
}
_TEXTS = ("client_name", "ledger", "sentinel_username", "sentinel_password")
_OPTIONS = (*SECONDS, *_TEXTS, *TLS, "db")
_PORT = 6379
_SENTINEL_PORT = 26379


class CredentialProvider(Protocol):
    """Gives a user name and a password, or a password alone, each time a connection is made.

    redis-py's credential providers are such objects.
    """

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """What to log in with now."""


@dataclass(frozen=True, slots=True)
class Address:
    """All that is needed to connect.

    Attributes:
        kind: One server (perhaps with replicas), a Sentinel service, or a cluster.
        endpoints: The server, the sentinels, or some nodes of the cluster.
        service: What the sentinels call the primary.
        db: The database's number.
        username: Of an ACL user; empty for the default one.
        password: Never shown.
        credentials: Asked for both instead, at each new connection.
        tls: `None` for none.
        timeout: Seconds for reading and filling.
        write_timeout: Seconds for announcing and confirming.
        connect_timeout: Seconds for a new connection, TLS and login included.
        client_name: What `CLIENT LIST` shows.
        ledger: Name of the ledger; by default one for each database.
        sentinel_username: To log in at the sentinels, and
        sentinel_password: its password.
    """

    kind: Kind
    endpoints: tuple[Endpoint, ...]
    service: str = ""
    db: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    credentials: CredentialProvider | None = field(default=None, repr=False)
    tls: Tls | None = None
    timeout: float = 0.05
    write_timeout: float = 1.0
    connect_timeout: float = 0.5
    client_name: str = "afresh"
    ledger: str = ""
    sentinel_username: str = ""
    sentinel_password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """For messages and digests: no secrets, and the same for everyone who means the same database."""
        where = ",".join(sorted(map(str, self.endpoints)))
        if self.kind == "sentinel":
            return f"redis+sentinel://{where}/{self.service}/{self.db}"
        if self.kind == "cluster":
            return f"redis+cluster://{where}"
        return f"{'unix' if self.endpoints[0].path else 'redis'}://{where}/{self.db}"


def parse(url: str) -> Address:
    """Read a URL; see the table in the documentation.

    Raises:
        ConfigurationError: It is none of the forms; the message says what to write.
    """
    parts = _parts(url)
    base, _, kind = parts.scheme.partition("+")
    if base not in _SCHEMES or kind not in {"", "sentinel", "cluster"}:
        raise ConfigurationError(
            f"{parts.scheme}://…: write redis://, rediss:// (TLS), unix://, valkey://, redis+sentinel:// or redis+cluster://."
        )
    tls, unix = _SCHEMES[base]
    options = options_of(parts, _OPTIONS)
    address = Address(_kind(kind), ())
    if unix:
        address = replace(address, endpoints=(_unix(parts, kind),), db=_db(options.pop("db", "0")))
    else:
        port = _SENTINEL_PORT if kind == "sentinel" else _PORT
        endpoints = tuple(endpoint_of(each, port) for each in _hosts(parts).split(","))
        address = replace(_path(replace(address, endpoints=endpoints), parts, options), tls=None)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    texts = {name: options.pop(name) for name in _TEXTS if name in options}
    return replace(
        address,
        username=unquote(user),
        password=unquote(password),
        tls=tls_of(options, plain="redis", encrypted="rediss", wanted=tls),
        **seconds_of(options),  # type: ignore[arg-type]
        **texts,  # type: ignore[arg-type]
    )


def _parts(url: str) -> SplitResult:
    """Divide a URL. Its messages must not repeat what might be a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigurationError(
            "the URL's host is none: write redis://host:6379/0, or [::1]:6379."
        ) from None
    behind = parts.query + parts.fragment + ("" if parts.scheme == "unix" else parts.path)
    if "@" in behind:
        raise ConfigurationError(
            "in a URL's password, write %2F for a slash, %3F for ?, %23 for # and %40 for @."
        )
    return parts


def _kind(written: str) -> Kind:
    return "sentinel" if written == "sentinel" else "cluster" if written == "cluster" else "server"


def _hosts(parts: SplitResult) -> str:
    hosts = parts.netloc.rpartition("@")[2]
    return hosts or "localhost"


def _unix(parts: SplitResult, kind: str) -> Endpoint:
    path = unquote(parts.netloc.rpartition("@")[2] + parts.path)
    if kind or not path.startswith("/"):
        raise ConfigurationError("write unix:///run/redis.sock?db=0 (three slashes, an absolute path).")
    return Endpoint(path=path)


def _path(address: Address, parts: SplitResult, options: dict[str, str]) -> Address:
    """What stands behind the host: the database, or the service and the database."""
    words = [unquote(word) for word in parts.path.split("/") if word]
    db = options.pop("db", None)
    if address.kind == "sentinel":
        if not 1 <= len(words) <= 2:
            raise ConfigurationError(
                "write redis+sentinel://host:26379,host:26379/mymaster/0: service, database."
            )
        return replace(address, service=words[0], db=_db(db or (words[1] if len(words) > 1 else "0")))
    if len(words) > 1:
        raise ConfigurationError(f"/{'/'.join(words)} is no database: write a number, redis://localhost/0.")
    number = _db(db or (words[0] if words else "0"))
    if address.kind == "cluster" and number:
        raise ConfigurationError("a cluster has database 0 only: leave the number out.")
    if address.kind == "server" and len(address.endpoints) > 1:
        raise ConfigurationError(
            "several hosts: write redis+cluster://… for a cluster, or redis+sentinel://…/service."
        )
    return replace(address, db=number)


def _db(written: str) -> int:
    if not written.isdecimal():
        raise ConfigurationError(f"{written!r} is no database: write a number, redis://localhost/0.")
    return int(written)
