"""Where memcached servers are: from a URL to an address, and nothing is connected yet."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from afresh.errors import ConfigurationError

Large: TypeAlias = Literal["split", "refuse"]

PORT = 11211
_SCHEMES = {"memcached": False, "memcacheds": True}  # name → TLS
_SECONDS = ("timeout", "write_timeout", "connect_timeout")
_TLS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname", "ssl_cert_reqs")
_OPTIONS = (*_SECONDS, "ledger", "large", "weights", *_TLS)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One socket to connect to: a host and a port, or the path of a unix socket.

    Attributes:
        weight: Share of the keys, beside the others'.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    weight: int = 1

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
    """

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    check_hostname: bool = True
    verify: bool = True

    def context(self) -> ssl.SSLContext:
        """What Python's ssl module wants.

        Raises:
            ConfigurationError: A file can't be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certificate:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"the TLS files can't be used: {error}") from error
        context.check_hostname = self.check_hostname and self.verify
        context.verify_mode = ssl.CERT_REQUIRED if self.verify else ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True)
class Address:
    """All that is needed to connect.

    Attributes:
        endpoints: The servers, in the order of the URL.
        tls: `None` for none.
        timeout: Seconds for reading and filling.
        write_timeout: Seconds for announcing and confirming.
        connect_timeout: Seconds for a new connection, TLS included.
        ledger: Name of the ledger; by default one for these servers.
        large: What becomes of a value that is larger than a server's items may be.
    """

    endpoints: tuple[Endpoint, ...]
    tls: Tls | None = None
    timeout: float = 0.05
    write_timeout: float = 1.0
    connect_timeout: float = 0.5
    ledger: str = ""
    large: Large = "split"

    @property
    def name(self) -> str:
        """For messages and digests: the same for everyone who means the same servers."""
        return f"memcached://{','.join(sorted(map(str, self.endpoints)))}"


def parse(url: str) -> Address:
    """Read a URL: `memcached://host:11211`, `memcached://a,b:11212`, `memcacheds://…`, `memcached:///run/it.sock`.

    Raises:
        ConfigurationError: It is none of the forms; the message says what to write.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ConfigurationError(
            f"{parts.scheme}://…: write memcached://host:11211, memcacheds:// (TLS) or memcached:///run/memcached.sock."
        )
    if "@" in parts.netloc:
        raise ConfigurationError(
            f"{parts.scheme}://…@…: memcached knows no users here: leave out what stands before @."
        )
    options = _options(parts)
    return Address(
        _weighted(_endpoints(parts), options.get("weights", "")),
        tls=_tls(options, wanted=_SCHEMES[parts.scheme]),
        ledger=options.get("ledger", ""),
        large=_large(options.get("large", "split")),
        **{name: _seconds(name, options[name]) for name in _SECONDS if name in options},
    )


def _options(parts: SplitResult) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = [name for name in options if name not in _OPTIONS]
    if unknown:
        raise ConfigurationError(f"{parts.scheme}://…?{unknown[0]}=…: there are {', '.join(_OPTIONS)}.")
    return options


def _endpoints(parts: SplitResult) -> tuple[Endpoint, ...]:
    path = unquote(parts.path)
    if not parts.netloc and path not in {"", "/"}:
        if parts.scheme == "memcacheds":
            raise ConfigurationError("a unix socket needs no TLS: write memcached:///run/memcached.sock.")
        return (Endpoint(path=path),)
    if path not in {"", "/"}:
        raise ConfigurationError(
            f"{path}: memcached has no databases: write memcached://host:{PORT}, "
            "or three slashes for a unix socket, memcached:///run/memcached.sock."
        )
    endpoints = tuple(_endpoint(each) for each in (parts.netloc or "localhost").split(","))
    names = [str(each) for each in endpoints]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigurationError(f"{twice} stands there twice: name each server once.")
    return endpoints


def _endpoint(written: str) -> Endpoint:
    """One `host:port`; an IPv6 address stands in brackets."""
    host, bracket, rest = written.partition("]")
    if bracket:
        host, rest = host.removeprefix("["), rest.removeprefix(":")
    else:
        host, _, rest = written.partition(":")
    if not host or (rest and not rest.isdecimal()) or int(rest or PORT) not in range(1, 65536):
        raise ConfigurationError(f"{written!r} is no host and port: write host:{PORT}, or [::1]:{PORT}.")
    return Endpoint(unquote(host), int(rest) if rest else PORT)


def _weighted(endpoints: tuple[Endpoint, ...], written: str) -> tuple[Endpoint, ...]:
    if not written:
        return endpoints
    weights = written.split(",")
    if len(weights) != len(endpoints) or not all(each.isdecimal() and int(each) for each in weights):
        raise ConfigurationError(
            f"weights={written}: write a whole number from 1 for each server, such as weights=2,1,1."
        )
    return tuple(replace(each, weight=int(weight)) for each, weight in zip(endpoints, weights, strict=True))


def _large(written: str) -> Large:
    if written not in {"split", "refuse"}:
        raise ConfigurationError(f"large={written}: write split or refuse.")
    return "split" if written == "split" else "refuse"


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
            raise ConfigurationError(f"{given[0]} needs TLS: write memcacheds:// instead of memcached://.")
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
