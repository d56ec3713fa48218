"""A WSGI request, and its fields in both spellings."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Any, TypeAlias
from urllib.parse import quote, unquote_to_bytes

from afresh.http.requests.asked import Asked
from afresh.rfc import Fields, Request

Environ: TypeAlias = dict[str, Any]

_BARE = {"CONTENT_TYPE": b"content-type", "CONTENT_LENGTH": b"content-length"}


def asked_in(environ: Environ) -> Asked:
    """The request of an environ."""
    fields = Fields.of(pairs_of(environ))
    request = Request(
        method=environ["REQUEST_METHOD"],
        scheme=environ["wsgi.url_scheme"],
        authority=fields.get(b"host") or b"",
        path=_path(environ),
        query=environ.get("QUERY_STRING", "").encode("latin-1"),
        fields=fields,
        content=None,
    )
    return Asked(request, environ.get("REMOTE_ADDR", ""))


def parts_of(environ: Environ) -> tuple[str, bytes, bytes, list[tuple[bytes, bytes]]]:
    """What tells a plain request from others, as `Quick` takes it. Its path is every spelling of the path."""
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    path = f"{raw}\0{environ.get('SCRIPT_NAME', '')}\0{environ.get('PATH_INFO', '')}".encode("latin-1")
    query = environ.get("QUERY_STRING", "").encode("latin-1")
    return environ["wsgi.url_scheme"], path, query, pairs_of(environ)


def with_fields(environ: Environ, old: Fields, new: Fields) -> Environ:
    """An environ with other fields; the same one where they are the same."""
    if new.pairs == old.pairs:
        return environ
    changed = dict(environ)
    for name in old.names():
        changed.pop(_spelled(name), None)
    for name in new.names():
        changed[_spelled(name)] = (new.combined(name) or b"").decode("latin-1")
    return changed


def without_content(environ: Environ) -> Environ:
    """The environ of a request that is made once more, with nobody waiting."""
    return {**environ, "REQUEST_METHOD": "GET", "wsgi.input": BytesIO(), "CONTENT_LENGTH": ""}


def pairs_of(environ: Environ) -> list[tuple[bytes, bytes]]:
    """The fields of a request, from its environ."""
    pairs = []
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            pairs.append((_field(name), value.encode("latin-1")))
        elif name in _BARE and value:
            pairs.append((_BARE[name], value.encode("latin-1")))
    return pairs


@lru_cache(maxsize=512)  # visitors send the same few again and again
def _field(name: str) -> bytes:
    return name[5:].replace("_", "-").lower().encode("latin-1")


def _spelled(name: bytes) -> str:
    spelled = name.decode("latin-1").upper().replace("-", "_")
    return spelled if spelled in _BARE else f"HTTP_{spelled}"


def _path(environ: Environ) -> bytes:
    """The path in its raw form where the server tells it, so that `%2F` is no `/`."""
    decoded = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1") or b"/"
    raw = (environ.get("RAW_URI") or environ.get("REQUEST_URI") or "").encode("latin-1").partition(b"?")[0]
    # Whoever stands between the server and us may have changed what the application sees.
    return (
        raw if raw and unquote_to_bytes(raw) == decoded else quote(decoded, safe="/~!$&'()*+,;=:@").encode()
    )
