"""What Litestar keeps of a request beside its scope, parsed: here it notices what is read of it."""

from __future__ import annotations

from typing import Any

from litestar._parsers import parse_cookie_string
from litestar.datastructures import Headers
from litestar.types.empty import Empty
from litestar.utils.scope.state import ScopeState

from afresh.http.requests.reading import Cookies, Reads

_OF_A_VISITOR = {
    "csrf_token": "the token against forged forms was read",
    "session_id": "the session's id was read",
}
_MADE_OF_FIELDS = ("accept", "content_type")


class Parsed(ScopeState):
    """Litestar's own record of one request.

    Args:
        before: What earlier middlewares have left there.
        reads: Who is told.
    """

    __slots__ = ("_before", "_reads")

    def __init__(self, before: ScopeState, reads: Reads) -> None:
        self._before = before
        self._reads = reads
        for name in ScopeState.__slots__:
            if name not in _OF_A_VISITOR:
                setattr(self, name, Empty if name in _MADE_OF_FIELDS else getattr(before, name))
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in reads.fields]
        self.headers = NoticingHeaders.of(pairs, reads)
        self.cookies = cookies = Cookies()
        cookies.reads = reads
        for line in reads.fields.get_all(b"cookie"):
            cookies.update(parse_cookie_string(line.decode("latin-1")))

    csrf_token: Any
    session_id: Any


class NoticingHeaders(Headers):
    """A request's fields."""

    _reads: Reads

    @classmethod
    def of(cls, pairs: list[tuple[str, str]], reads: Reads) -> NoticingHeaders:
        """The fields of one request."""
        self = cls([(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs])
        self._reads = reads
        return self


def _visitors(name: str, reason: str) -> Any:
    def get(self: Parsed) -> Any:
        value = getattr(self._before, name)
        if value is not Empty:
            self._reads.refuse(reason)
        return value

    def put(self: Parsed, value: Any) -> None:
        setattr(self._before, name, value)

    return property(get, put)


def _named(method: str) -> Any:
    original = getattr(Headers, method)

    def noticed(self: NoticingHeaders, name: str, *arguments: Any, **named: Any) -> Any:
        if isinstance(name, str):
            self._reads.header(name.encode("latin-1", "replace"))
        return original(self, name, *arguments, **named)

    return noticed


def _whole(method: str) -> Any:
    original = getattr(Headers, method)

    def noticed(self: NoticingHeaders, *arguments: Any, **named: Any) -> Any:
        self._reads.everything()
        return original(self, *arguments, **named)

    return noticed


for _name, _reason in _OF_A_VISITOR.items():
    setattr(Parsed, _name, _visitors(_name, _reason))
for _method in ("__contains__", "__getitem__", "get", "getall", "getone"):
    setattr(NoticingHeaders, _method, _named(_method))
for _method in (
    "__eq__",
    "__iter__",
    "__len__",
    "__repr__",
    "copy",
    "dict",
    "items",
    "keys",
    "multi_items",
    "values",
):
    setattr(NoticingHeaders, _method, _whole(_method))
