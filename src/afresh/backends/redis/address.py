"""Where a Redis or Valkey is: from a URL to an address, and nothing is connected yet."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeAlias
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from afresh.errors import ConfigurationError

Kind: TypeAlias = Literal["server", "sentinel", "cluster"]

_SCHEMES: dict[str, tuple[bool, bool]] = {  # name → TLS, unix socket
    "redis": (False, False),
    "rediss": (True, False),
    "valkey": (False, False),
    "valkeys": (True, False),
    "unix": (False, True),
}
_SECONDS = ("timeout", "write_timeout", "connect_timeout")
_TEXTS = ("client_name", "ledger", "sentinel_username", "sentinel_password")
_TLS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname", "ssl_cert_reqs")
_OPTIONS = (*_SECONDS, *_TEXTS, *_TLS, "db")
_PORT = 6379
_SENTINEL_PORT = 26379


class CredentialProvider(Protocol):
    """Gives a user name and a password, or a password alone, each time a connection is made.

    redis-py's credential providers are such objects.
    """

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """What to log in with now."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One socket to connect to: a host and a port, or the path of a unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        return self.path or (f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}")


@dataclass(frozen=True, slots=True)
class Tls:
    """How to make sure who answers.

    Attributes:
        ca: File of certificates to trust; the system's by default.
        certificate: File of our own certificate, and
        key: of its key.
        check_hostname: The certificate must name the host.
        verify: The certificate must be trusted at all.
        ca_path: Folder of certificates to trust.
        ca_data: Such certificates themselves.
        password: Of the key; never shown.
    """

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    check_hostname: bool = True
    verify: bool = True
    ca_path: str | None = None
    ca_data: str | bytes | None = None
    password: str | None = field(default=None, repr=False)

    def context(self) -> ssl.SSLContext:
        """What Python's ssl module wants.

        Raises:
            ConfigurationError: A file can't be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca, capath=self.ca_path, cadata=self.ca_data)
            if self.certificate:
                context.load_cert_chain(self.certificate, self.key, self.password)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"the TLS files can't be used: {error}") from error
        context.check_hostname = self.check_hostname and self.verify
        context.verify_mode = ssl.CERT_REQUIRED if self.verify else ssl.CERT_NONE
        return context


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
    options = _options(parts)
    address = Address(_kind(kind), ())
    if unix:
        address = replace(address, endpoints=(_unix(parts, kind),), db=_db(options.pop("db", "0")))
    else:
        port = _SENTINEL_PORT if kind == "sentinel" else _PORT
        endpoints = tuple(_endpoint(each, port) for each in _hosts(parts).split(","))
        address = replace(_path(replace(address, endpoints=endpoints), parts, options), tls=None)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    settings = {name: _seconds(name, options.pop(name)) for name in _SECONDS if name in options}
    texts = {name: options.pop(name) for name in _TEXTS if name in options}
    return replace(
        address,
        username=unquote(user),
        password=unquote(password),
        tls=_tls(options, wanted=tls),
        **settings,  # type: ignore[arg-type]
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


def _options(parts: SplitResult) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = [name for name in options if name not in _OPTIONS]
    if unknown:
        raise ConfigurationError(f"{parts.scheme}://…?{unknown[0]}=…: there are {', '.join(_OPTIONS)}.")
    return options


def _hosts(parts: SplitResult) -> str:
    hosts = parts.netloc.rpartition("@")[2]
    return hosts or "localhost"


def _endpoint(written: str, port: int) -> Endpoint:
    """One `host:port`; an IPv6 address stands in brackets."""
    host, bracket, rest = written.partition("]")
    if bracket:
        host, rest = host.removeprefix("["), rest.removeprefix(":")
    else:
        host, _, rest = written.partition(":")
    if not host or (rest and not rest.isdecimal()) or int(rest or 0) > 65535:
        raise ConfigurationError(f"{written!r} is no host and port: write host:{port}, or [::1]:{port}.")
    return Endpoint(unquote(host), int(rest) if rest else port)


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


def _seconds(name: str, written: str) -> float:
    try:
        seconds = float(written)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigurationError(f"{name}={written!r}: give seconds, such as {name}=0.05.")
    return seconds


def _tls(options: dict[str, str], *, wanted: bool) -> Tls | None:
    given = [name for name in _TLS if name in options]
    if not wanted:
        if given:
            raise ConfigurationError(f"{given[0]} needs TLS: write rediss:// instead of redis://.")
        return None
    verify = options.get("ssl_cert_reqs", "required").lower()
    if verify not in {"required", "none"}:
        raise ConfigurationError(f"ssl_cert_reqs={verify!r}: write required or none.")
    return Tls(
        options.get("ssl_ca_certs"),
        options.get("ssl_certfile"),
        options.get("ssl_keyfile"),
        options.get("ssl_check_hostname", "true").lower() not in {"false", "0", "no"},
        verify == "required",
    )
