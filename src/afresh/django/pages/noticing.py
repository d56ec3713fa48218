"""Cookies, headers and `META` of a request, that notice what is read of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.http.request import HttpHeaders

from afresh.http import reading
from afresh.rfc import Fields

_CONDITIONS = frozenset(
    [b"if-match", b"if-modified-since", b"if-none-match", b"if-range", b"if-unmodified-since", b"range"]
)
"""What they ask for is a part or a confirmation of the same page."""

_IN_THE_KEY = frozenset(["PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "SCRIPT_NAME", "wsgi.url_scheme"])
_OF_THE_SERVER = frozenset(["GATEWAY_INTERFACE", "SERVER_SOFTWARE"])
_OF_DJANGO = frozenset(["CSRF_COOKIE", "CSRF_COOKIE_NEEDS_UPDATE", "CSRF_COOKIE_USED"])
_CLIENT = frozenset(["REMOTE_ADDR", "REMOTE_HOST"])
_BARE = {"CONTENT_TYPE": b"content-type", "CONTENT_LENGTH": b"content-length"}


class Reads(reading.Reads):
    """What was read of one request, unless nobody listens.

    Attributes:
        quiet: How many blocks are open within which reads mean nothing.
    """

    __slots__ = ("quiet",)

    def __init__(self, fields: Fields, unkeyed: frozenset[bytes]) -> None:
        super().__init__(fields, unkeyed | _CONDITIONS)
        self.quiet = 0

    @contextmanager
    def not_listening(self) -> Iterator[None]:
        """What is read within this block is not noticed."""
        self.quiet += 1
        try:
            yield
        finally:
            self.quiet -= 1

    def header(self, name: bytes) -> None:
        """A field was asked for."""
        if not self.quiet:
            super().header(name)

    def read(self, name: str) -> None:
        """Something else was."""
        if not self.quiet:
            super().read(name)

    def host(self) -> None:
        """`Host` was asked for: what `get_host()` gives is in the key, and that may be another field's."""
        if settings.USE_X_FORWARDED_HOST:
            self.read("meta:HTTP_HOST")

    def everything(self) -> None:
        """All fields were looked at."""
        if not self.quiet:
            super().everything()


class Cookies(reading.Cookies):
    """The cookies as Django has parsed them: that is what the application sees of them."""

    def __getitem__(self, name: str) -> str:
        self.reads.read(f"crumb:{name}")
        return dict.__getitem__(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        """One cookie."""
        self.reads.read(f"crumb:{name}")
        return dict.get(self, name, default)

    def __contains__(self, name: object) -> bool:
        self.reads.read(f"crumb:{name}")
        return dict.__contains__(self, name)


class Headers(HttpHeaders):  # type: ignore[misc]  # it has no types
    """`request.headers`."""

    def __init__(self, meta: dict[str, Any], reads: Reads) -> None:
        super().__init__(meta)
        self._reads = reads

    def __getitem__(self, name: str) -> Any:
        field = name.replace("_", "-").lower().encode("latin-1", "replace")
        if field == b"host":
            self._reads.host()
        else:
            self._reads.header(field)
        return super().__getitem__(name)

    def __iter__(self) -> Any:
        self._reads.everything()
        return iter(super().__iter__())

    def __len__(self) -> int:
        self._reads.everything()
        return int(super().__len__())

    def __eq__(self, other: object) -> bool:
        self._reads.everything()
        return bool(super().__eq__(other))

    __hash__ = None  # type: ignore[assignment]  # as every mapping's

    def __repr__(self) -> str:
        self._reads.everything()
        return str(super().__repr__())

    def copy(self) -> Any:
        """All of them."""
        self._reads.everything()
        return self


class Meta(dict[str, Any]):
    """`request.META`, under WSGI the environ.

    Attributes:
        own: What the application itself has put there, which tells nothing of the request.
    """

    reads: Reads
    own: set[str]

    @classmethod
    def of(cls, meta: dict[str, Any], reads: Reads) -> Meta:
        """The same, noticing."""
        self = cls(meta)
        self.reads, self.own = reads, set()
        return self

    def _notice(self, name: object) -> None:
        if not isinstance(name, str) or name in self.own or name in _IN_THE_KEY:
            return
        if name == "HTTP_HOST":
            self.reads.host()
        elif name.startswith("HTTP_"):
            self.reads.header(name[5:].replace("_", "-").lower().encode("latin-1", "replace"))
        elif name in _BARE:
            self.reads.header(_BARE[name])
        elif name in _CLIENT:
            self.reads.read("client")
        elif not name.startswith("wsgi.") and name not in _OF_THE_SERVER and name not in _OF_DJANGO:
            self.reads.read(f"meta:{name}")

    def __getitem__(self, name: str) -> Any:
        self._notice(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """One value."""
        self._notice(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self._notice(name)
        return super().__contains__(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self.own.add(name)
        super().__setitem__(name, value)

    def update(self, *given: Any, **named: Any) -> None:
        """Put several."""
        for name, value in dict(*given, **named).items():
            self[name] = value

    def setdefault(self, name: str, default: Any = None) -> Any:
        """One value, put there where there is none."""
        if name not in self:
            self[name] = default
        return self[name]

    def pop(self, name: str, *default: Any) -> Any:
        """One value, which goes."""
        self._notice(name)
        return super().pop(name, *default)

    __hash__ = None


def _all_read(original: Any) -> Any:
    def read(self: Meta, *arguments: Any) -> Any:
        self.reads.everything()
        return original(self, *arguments)

    return read


for _method in (
    "__eq__", "__ior__", "__iter__", "__len__", "__ne__", "__or__", "__repr__", "__reversed__", "__ror__", "copy",
    "items", "keys", "popitem", "values",
):  # fmt: skip
    setattr(Meta, _method, _all_read(getattr(dict, _method)))
