"""The class of a request: its content type is noticed, which Django has read before; how its query is spelled isn't.

Where earlier middlewares have put something on it, each attribute is asked for there (`given`).
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import cached_property, lru_cache
from typing import Any

from afresh.django.pages.given import Attributes
from afresh.http.requests.variables import Variables


def _noticing(name: str) -> Any:
    place = f"_afresh_{name}"

    def get(self: Any) -> Any:
        visitor = getattr(self, "_afresh", None)
        if visitor is not None and visitor.reads is not None:
            visitor.reads.header(b"content-type")
        return self.__dict__[place]

    def put(self: Any, value: Any) -> None:
        self.__dict__[place] = value

    return property(get, put)


class NoticingRequest:
    """What is put before the class of a request."""

    content_type = _noticing("content_type")
    content_params = _noticing("content_params")

    @cached_property
    def GET(self) -> Any:  # noqa: N802  # Django's name
        """The parameters of the query."""
        meta: Any = getattr(self, "META", None)
        with meta.unnoticed() if isinstance(meta, Variables) else nullcontext():
            return super().GET  # type: ignore[misc]


class NoticingAll(NoticingRequest):
    """The same, where others have put something on it before."""

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__(self, "__dict__")
        visitor = own.get("_afresh")
        if visitor is not None and visitor.reads is not None:
            if name == "__dict__":
                return Attributes(own, visitor.given, visitor.reads)
            visitor.given.notice(name, own, visitor.reads)
        return super().__getattribute__(name)


@lru_cache(maxsize=16)
def noticing_type(kind: Any, *, all_names: bool = False) -> Any:
    """The class of a request, noticing. It stays what it was to whoever asks for its class."""
    if issubclass(kind, NoticingRequest):
        return kind
    noticing = NoticingAll if all_names else NoticingRequest
    return type(kind.__name__, (noticing, kind), {"__module__": kind.__module__})
