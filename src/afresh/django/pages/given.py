"""What middlewares before ours have put on a request: `request.tenant`, that nobody has seen them find out.

Which of such names are there is a part of each key, so that whoever reads one that isn't shares with those
who haven't it either. A value that is read is a part of the key of that page if it is plain; what is more
than that may say anything, and its page is nobody else's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from io import BytesIO
from typing import Any

from django.contrib.messages.storage.base import BaseStorage
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.utils.functional import empty

from afresh.core.keys import canonical
from afresh.django.pages.noticing import Reads

_PLAIN = frozenset([bool, bytes, float, int, str, type(None)])
_CONTENT = frozenset(["_body", "_files", "_post"])
_NONCES = frozenset(["_csp_nonce", "csp_nonce"])


def _of_django() -> frozenset[str]:
    """What each request has of itself, and what is noticed otherwise."""
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    made: list[Any] = [
        WSGIRequest({"REQUEST_METHOD": "GET", "wsgi.input": BytesIO()}),
        ASGIRequest(scope, BytesIO()),
    ]
    names = {name for each in made for name in dir(each)}
    return frozenset(names | {"_dont_enforce_csrf_checks", "csrf_processing_done", "session"})


_DJANGOS = _of_django()


class Given:
    """See the module.

    Args:
        request: Django's, as the middlewares before ours have left it.

    Attributes:
        values: By name.
        apart: The names, as a part of the key; empty if there are none.
    """

    __slots__ = ("apart", "values")

    def __init__(self, request: Any) -> None:
        own: dict[str, Any] = request.__dict__
        self.values: dict[str, Any] = {}
        if not own.keys() <= _DJANGOS:
            self.values = {name: own[name] for name in own.keys() - _DJANGOS}
        if own.get("path_info") != request.META.get("PATH_INFO"):
            self.values["path_info"] = own.get("path_info")
        if "GET" in own and _is_another(request, own):
            self.values["GET"] = own["GET"]
        self.apart = ",".join(sorted(self.values)) if self.values else ""

    def spelled(self, name: str) -> str | None:
        """A value as a part of a key; `None` where it can be none."""
        value = self.values.get(name)
        return canonical([name in self.values, value]) if type(value) in _PLAIN else None

    def notice(self, name: str, own: Mapping[str, Any], reads: Reads) -> None:
        """The application asks for an attribute; what it has put in that place is its own."""
        if name not in self.values or reads.quiet:
            return
        value = self.values[name]
        if own.get(name, self) is not value or _is_untouched(name, value):
            return
        if type(value) in _PLAIN:
            reads.read(f"attribute:{name}")
        else:
            reads.refuse(f"a middleware before this one has made its request.{name}")

    def put_on(self, request: Any) -> None:
        """Let another request have the same; messages of its own, since a storage reads the request it was made for.

        Raises:
            Exception: What a storage of messages raises that misses the session of its request.
        """
        for name, value in self.values.items():
            request.__dict__[name] = type(value)(request) if isinstance(value, BaseStorage) else value


class Attributes(MutableMapping[str, Any]):
    """`vars(request)`, noticing."""

    __slots__ = ("_given", "_own", "_reads")

    def __init__(self, own: dict[str, Any], given: Given, reads: Reads) -> None:
        self._own, self._given, self._reads = own, given, reads

    def __getitem__(self, name: str) -> Any:
        self._given.notice(name, self._own, self._reads)
        return self._own[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._own[name] = value

    def __delitem__(self, name: str) -> None:
        del self._own[name]

    def __iter__(self) -> Iterator[str]:
        for name in self._given.values:
            self._given.notice(name, self._own, self._reads)
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def __or__(self, other: Any) -> dict[str, Any]:
        return dict(self) | dict(other)

    def __ror__(self, other: Any) -> dict[str, Any]:
        return other | dict(self)  # type: ignore[no-any-return]

    def copy(self) -> dict[str, Any]:
        """All of them."""
        return dict(self)

    def __repr__(self) -> str:
        return repr(dict(self))


def _is_another(request: Any, own: dict[str, Any]) -> bool:
    """Whether `request.GET` isn't what its query says."""
    there = own.pop("GET")
    try:
        return bool(there != request.GET)
    finally:
        own["GET"] = there


def _is_untouched(name: str, value: Any) -> bool:
    """A nonce that isn't made, messages that aren't read: who does so is seen. And no content is nobody's."""
    if name in _NONCES:
        return getattr(value, "_wrapped", None) is empty
    if name in _CONTENT:
        return not value
    if not isinstance(value, BaseStorage):
        return False
    return not (hasattr(value, "_loaded_data") or value._queued_messages)
