"""Where memcached servers are: from a URL to an address, and nothing is connected yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

from afresh.backends.endpoint import SECONDS, TLS, Endpoint, Tls, endpoint_of, options_of, seconds_of, tls_of
from afresh.errors import ConfigurationError

Large: TypeAlias = Literal["split", "refuse"]

PORT = 11211
_SCHEMES = {"memcached": False, "memcacheds": True}  # name → TLS
_OPTIONS = (*SECONDS, "ledger", "large", "weights", *TLS)


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
    options = options_of(parts, _OPTIONS)
    return Address(
        _weighted(_endpoints(parts), options.get("weights", "")),
        tls=tls_of(options, plain="memcached", encrypted="memcacheds", wanted=_SCHEMES[parts.scheme]),
        ledger=options.get("ledger", ""),
        large=_large(options.get("large", "split")),
        **seconds_of(options),
    )


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
    endpoints = tuple(endpoint_of(each, PORT) for each in (parts.netloc or "localhost").split(","))
    names = [str(each) for each in endpoints]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigurationError(f"{twice} stands there twice: name each server once.")
    return endpoints


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
