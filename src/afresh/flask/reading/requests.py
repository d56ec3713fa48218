"""Flask's request: what Werkzeug has taken from the environ before, is noticed when it is read."""

from __future__ import annotations

from contextlib import nullcontext
from functools import cached_property
from typing import Any, cast

from flask import Request
from werkzeug.datastructures import ImmutableMultiDict

from afresh.flask.reading.environ import WatchedEnviron
from afresh.flask.reading.routing import redirected
from afresh.http.requests.reading import QUERY, Reads


class Cookies(ImmutableMultiDict[str, str]):
    """A request's cookies, that notice which are read."""

    environ: WatchedEnviron

    def _read(self, name: object) -> None:
        if self.environ.reads is not None:
            self.environ.reads.read(f"cookie:{name}")

    def __getitem__(self, name: str) -> str:
        self._read(name)
        return super().__getitem__(name)

    def get(self, name: str, *arguments: Any, **named: Any) -> Any:  # type: ignore[override]
        """One cookie."""
        self._read(name)
        return super().get(name, *arguments, **named)

    def getlist(self, name: str, *arguments: Any, **named: Any) -> Any:  # type: ignore[override]
        """All values that one comes with."""
        self._read(name)
        return super().getlist(name, *arguments, **named)

    def __contains__(self, name: object) -> bool:
        self._read(name)
        return super().__contains__(name)


def _all_read(method: str) -> Any:
    def read(self: Cookies, *arguments: Any, **named: Any) -> Any:
        if self.environ.reads is not None:
            self.environ.reads.header(b"cookie")
        return getattr(super(Cookies, self), method)(*arguments, **named)

    return read


for _method in (
    "__copy__", "__deepcopy__", "__eq__", "__iter__", "__len__", "__ne__", "__or__", "__repr__", "__reversed__",
    "copy", "deepcopy", "items", "keys", "lists", "listvalues", "to_dict", "values",
):  # fmt: skip
    setattr(Cookies, _method, _all_read(_method))


class Watched:
    """What is added to an application's class of requests."""

    environ: Any

    def __init__(self, environ: Any, *arguments: Any, **named: Any) -> None:
        if not isinstance(environ, WatchedEnviron):
            super().__init__(environ, *arguments, **named)  # type: ignore[call-arg]
            return
        with environ.unnoticed():
            super().__init__(environ, *arguments, **named)  # type: ignore[call-arg]

    @property
    def cookies(self) -> Any:
        """All cookies of the request."""
        found = self.__dict__.get("_afresh_cookies")
        if found is None:
            if not isinstance(self.environ, WatchedEnviron):
                return super().cookies  # type: ignore[misc]
            with self.environ.unnoticed():
                plain = cast("ImmutableMultiDict[str, str]", super().cookies)  # type: ignore[misc]
                found = Cookies(plain)
            found.environ = self.environ
            self.__dict__["_afresh_cookies"] = found
        return found

    @cached_property
    def args(self) -> Any:
        """The parameters of the query, to which it is all one how they are spelled."""
        environ = self.environ
        with environ.unnoticed() if isinstance(environ, WatchedEnviron) else nullcontext():
            return super().args  # type: ignore[misc]

    @cached_property
    def host(self) -> Any:
        """The host: in the key. Only without one would the server's name be asked for."""
        environ = self.environ
        if not isinstance(environ, WatchedEnviron):
            return super().host  # type: ignore[misc]
        environ.get("HTTP_HOST")
        with environ.unnoticed():
            return super().host  # type: ignore[misc]


def _taken(name: str, read: str) -> Any:
    """An attribute that Werkzeug sets when it makes the request."""
    place = f"_afresh_{name}"

    def get(self: Any) -> Any:
        reads: Reads | None = getattr(self.environ, "reads", None)
        if reads is not None:
            reads.read(read)
        return self.__dict__.get(place)

    def put(self: Any, value: Any) -> None:
        self.__dict__[place] = value

    return property(get, put)


def _failed(self: Any, error: Any) -> None:
    redirected(self.environ, error)
    self.__dict__["_afresh_routing_exception"] = error


Watched.remote_addr = _taken("remote_addr", "client")  # type: ignore[attr-defined]
Watched.query_string = _taken("query_string", QUERY)  # type: ignore[attr-defined]
Watched.routing_exception = property(  # type: ignore[attr-defined]
    lambda self: self.__dict__.get("_afresh_routing_exception"), _failed
)


def watched(base: type[Request]) -> type[Request]:
    """A class of requests whose reads are noticed."""
    if issubclass(base, Watched):
        return base
    return type(base.__name__, (Watched, base), {"__module__": base.__module__})
