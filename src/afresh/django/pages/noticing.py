"""Cookies and headers of a request, that notice what is read of them (`META`: `afresh.http.requests.variables`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.http.request import HttpHeaders

from afresh.http.requests import reading
from afresh.rfc import Fields

_CONDITIONS = frozenset([b"if-match", b"if-modified-since", b"if-none-match", b"if-unmodified-since"])
"""What they ask for is a confirmation of the same page."""

_OF_PARTS = frozenset([b"if-range", b"range"])
"""A part of a page is cut out of the whole, so that nothing depends on whether these are there. Who sends
them may be answered by something else than a part all the same (`Range: items=0-9`)."""


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
        """A field was asked for. What `get_host()` gives is in the key: that may be another one than `Host`."""
        name = name.lower()
        if self.quiet or (name in _OF_PARTS and name not in self.fields):
            return
        if name == b"host" and settings.USE_X_FORWARDED_HOST:
            super().read("environ:HTTP_HOST")
        super().header(name)

    def read(self, name: str) -> None:
        """Something else was."""
        if not self.quiet:
            super().read(name)

    def secret(self) -> None:
        """The secret of his token was asked for."""
        if not self.quiet:
            self.refuse("the secret of its token against forged forms was read")

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
        self._reads.header(name.replace("_", "-").lower().encode("latin-1", "replace"))
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
