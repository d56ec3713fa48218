"""The class of a request that notices when its content type is read, which Django has read before."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


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


@lru_cache(maxsize=16)
def noticing_type(kind: Any) -> Any:
    """The class of a request, noticing. It stays what it was to whoever asks for its class."""
    if issubclass(kind, NoticingRequest):
        return kind
    return type(kind.__name__, (NoticingRequest, kind), {"__module__": kind.__module__})
