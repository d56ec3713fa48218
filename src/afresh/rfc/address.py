"""The address of a resource in one spelling (RFC 3986 §6.2.2, §6.2.3)."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

from afresh.rfc.messages import Request
from afresh.rfc.search import NoVarySearch
from afresh.rfc.settings import Settings

_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")
_NOT_IN_HOSTS = re.compile(rb"[^0-9A-Za-z.:_\[\]-]")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORTS = {"http": b":80", "https": b":443"}


class Origin(NamedTuple):
    """Scheme and authority: what "same origin" compares (RFC 9110 §4.3.1)."""

    scheme: str
    authority: bytes

    @classmethod
    def of(cls, scheme: str, authority: bytes) -> Origin:
        """The origin in one spelling: lower case, without the default port.

        What no host has is escaped: `Host: a/b` is not the beginning of a path on `a`.
        """
        scheme, authority = scheme.lower(), authority.lower()
        if _NOT_IN_HOSTS.search(authority):
            authority = _NOT_IN_HOSTS.sub(lambda found: b"%%%02X" % found.group()[0], authority)
        return cls(scheme, authority.removesuffix(_DEFAULT_PORTS.get(scheme, b"\0")))

    def __bytes__(self) -> bytes:
        return b"%s://%s" % (self.scheme.encode("latin-1", "replace"), self.authority)


def origin_of(request: Request) -> Origin:
    """The origin that a request is for."""
    return Origin.of(request.scheme, request.authority)


def target(request: Request, settings: Settings, search: NoVarySearch | None = None) -> bytes:
    """The URI of the requested resource in one spelling: what invalidation names (RFC 9111 §4.4).

    Dots and double slashes stay: an application may give them a meaning.
    """
    return _target(origin_of(request), request.path, request.query, settings, search)


def related(request: Request, reference: bytes, settings: Settings) -> bytes | None:
    """What a `Location` or `Content-Location` names, when it has the request's origin; else `None`."""
    origin = origin_of(request)
    query = b"?" + request.query if request.query else b""
    base = bytes(origin) + request.path + query
    try:
        parts = urlsplit(urljoin(base.decode("latin-1"), reference.decode("latin-1")))
    except ValueError:
        return None
    if Origin.of(parts.scheme, parts.netloc.encode("latin-1", "replace")) != origin:
        return None
    path, query = (each.encode("latin-1", "replace") for each in (parts.path or "/", parts.query))
    return _target(origin, path, query, settings, None)


def _target(
    origin: Origin, path: bytes, query: bytes, settings: Settings, search: NoVarySearch | None
) -> bytes:
    query = _searched(query, settings, search)
    uri = bytes(origin) + normalised(path)
    return b"%s?%s" % (uri, query) if query else uri


def normalised(part: bytes) -> bytes:
    """Percent-encoding in one spelling: what needs none has none, hexadecimal digits are capitals."""
    return _ESCAPED.sub(_escape, part) if b"%" in part else part


def _escape(found: re.Match[bytes]) -> bytes:
    byte = int(found.group(1), 16)
    return bytes([byte]) if byte in _UNRESERVED else found.group().upper()


def _searched(query: bytes, settings: Settings, search: NoVarySearch | None) -> bytes:
    """The query without the parameters that change nothing."""
    ignored = settings.ignored_parameters
    ordered = settings.sorted_parameters or (search is not None and search.any_order)
    if not query or not (ignored or ordered or search):
        return normalised(query)
    kept = [
        parameter
        for parameter in query.split(b"&")
        if not _ignored(_parameter_name(parameter), ignored, search)
    ]
    if ordered:
        kept.sort(key=_parameter_name)  # stable: the order of equal names counts
    return normalised(b"&".join(kept))


def _parameter_name(parameter: bytes) -> str:
    name = parameter.partition(b"=")[0].replace(b"+", b" ")
    return unquote_to_bytes(name).decode("utf-8", "surrogateescape")


def _ignored(name: str, patterns: tuple[str, ...], search: NoVarySearch | None) -> bool:
    if search is not None and search.ignores(name):
        return True
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in patterns)
