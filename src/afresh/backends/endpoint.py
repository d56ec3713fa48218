"""What the URLs of all servers have in common: hosts and ports, TLS, options."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote

from afresh.errors import ConfigurationError

SECONDS: Final = ("timeout", "write_timeout", "connect_timeout")
SLOWEST: Final = 4e6
"""Bytes a second. A deadline is for silence: what comes, or is taken, at this rate or faster prolongs it."""
_SMALL: Final = 65_536
_BUFFERED: Final = 4_000_000  # bytes that the systems between may hold, at most
TLS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname", "ssl_cert_reqs")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One socket to connect to: a host and a port, or the path of a unix socket.

    Attributes:
        weight: Share of the keys, beside the others', where several servers share them.
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


def digesting(sent: int) -> float:
    """Seconds that a server may take, beside its deadline, to read what was just sent to it."""
    return 0.0 if sent <= _SMALL else min(sent, _BUFFERED) / SLOWEST


def options_of(parts: SplitResult, known: Sequence[str]) -> dict[str, str]:
    """The options that stand behind `?`.

    Raises:
        ConfigurationError: One of them is not `known`.
    """
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ConfigurationError(f"{parts.scheme}://…?{unknown[0]}=…: there are {', '.join(known)}.")
    return options


def endpoint_of(written: str, port: int) -> Endpoint:
    """One `host:port`; an IPv6 address stands in brackets.

    Raises:
        ConfigurationError: It is none.
    """
    host, bracket, rest = written.partition("]")
    if bracket:
        host, rest = host.removeprefix("["), rest.removeprefix(":")
    else:
        host, _, rest = written.partition(":")
    if not host or (rest and not rest.isdecimal()) or int(rest or port) not in range(1, 65536):
        raise ConfigurationError(f"{written!r} is no host and port: write host:{port}, or [::1]:{port}.")
    return Endpoint(unquote(host), int(rest) if rest else port)


def seconds_of(options: Mapping[str, str]) -> dict[str, float]:
    """The deadlines among the options.

    Raises:
        ConfigurationError: One is no positive number.
    """
    return {name: _positive(name, options[name]) for name in SECONDS if name in options}


def _positive(name: str, written: str) -> float:
    try:
        seconds = float(written)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigurationError(f"{name}={written!r}: give seconds, such as {name}=0.05.")
    return seconds


def tls_of(options: Mapping[str, str], *, plain: str, encrypted: str, wanted: bool) -> Tls | None:
    """What the options say of TLS.

    Args:
        options: Those of the URL.
        plain: The scheme without TLS, and
        encrypted: the one with it, for messages.
        wanted: The URL has that one.

    Raises:
        ConfigurationError: They make no sense.
    """
    if not wanted:
        given = next((name for name in TLS if name in options), None)
        if given is not None:
            raise ConfigurationError(f"{given} needs TLS: write {encrypted}:// instead of {plain}://.")
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
