"""Parts of a page that differ per visitor: cut out of what is stored, and filled again for each who gets it.

::

    from afresh.http.holes import hole

    def view(request):
        return page.render(csrf_token=hole("csrf", lambda: token_of(request)))

    app = CacheMiddleware(app, cache=cache, holes={"csrf": lambda scope: token_of(Request(scope))})

While a page is made whose answer may be stored, `hole` gives a mark that nobody can guess. Every
visitor, the first too, gets the page with what the middleware's function says for *his* request in
the place of the mark: in the body, and in fields such as `Content-Security-Policy`. What that
function reads is no part of the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from hashlib import blake2b
from secrets import token_hex
from typing import Any, NamedTuple, TypeAlias

from afresh.http.pages.page import Page
from afresh.rfc import Fields, Head

_MARK = b"afreshhole"  # letters and digits: no filter of a template writes them otherwise
_LENGTH = len(_MARK) + 32
_WHOLE = re.compile(_MARK + rb"[0-9a-f]{32}")

MARKS = rf"{_MARK.decode()}[0-9a-f]{{32}}"
"""What all marks look like, as a regular expression."""


class Filled(NamedTuple):
    """What stands in a hole for one visitor.

    Attributes:
        text: The content.
        headers: Fields that he gets with it: a `Set-Cookie` with what the token is compared with.
    """

    text: str | bytes
    headers: tuple[tuple[str, str], ...] = ()


Filler: TypeAlias = Callable[[Any], Any]
"""Takes the scope or the environ of a request; returns a text or `Filled` (under ASGI, perhaps to be awaited)."""


class Punch:
    """The holes of one answer.

    Attributes:
        names: Those that can be filled.
        marks: The name of the hole that each mark stands for.
    """

    __slots__ = ("marks", "names")

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        self.marks: dict[bytes, str] = {}

    def mark(self, name: str) -> str:
        """A new mark."""
        mark = _MARK + token_hex(16).encode()
        self.marks[mark] = name
        return mark.decode()


punching: ContextVar[Punch | None] = ContextVar("afresh.holes", default=None)
"""Of the answer that is being made in this thread or task."""


def hole(name: str, make: Callable[[], str]) -> str:
    """A part of a page that differs per visitor.

    Args:
        name: One of those that the middleware can fill.
        make: What stands there where no middleware can: what it reads is then a part of the page.
    """
    punch = punching.get()
    return make() if punch is None or name not in punch.names else punch.mark(name)


Values: TypeAlias = Mapping[str, Filled]
"""What stands in the holes for one visitor, by name."""


def as_filled(value: Any) -> Filled:
    """What a filler returned."""
    return value if isinstance(value, Filled) else Filled(value)


def replaced(text: bytes, marks: Mapping[bytes, str], values: Values) -> bytes:
    """A text with its holes filled."""
    if not marks:
        return text

    def content(found: re.Match[bytes]) -> bytes:
        name = marks.get(found[0])
        if name is None:
            return found[0]  # it only looks like one
        value = values[name].text
        return value.encode() if isinstance(value, str) else value

    return _WHOLE.sub(content, text)  # in one go: a shop's page has a form for each product


def in_fields(fields: Fields, marks: Mapping[bytes, str], values: Values) -> Fields:
    """The fields with their holes filled, and those that the visitor gets with them."""
    pairs = [(name, replaced(value, marks, values)) for name, value in fields]
    used = dict.fromkeys(marks.values())
    more = [
        (key.lower().encode("latin-1"), value.encode("latin-1"))
        for each in used
        for key, value in values[each].headers
    ]
    return Fields((*pairs, *more))


def filled(page: Page, values: Values) -> Page:
    """The page of one visitor: its length and its validator are those of what he gets."""
    marks = {mark.encode(): name for mark, name in page.holes}
    body = replaced(page.body, marks, values)
    fields = in_fields(page.stored.head.fields, marks, values)
    fields = fields.without((b"last-modified",)).replaced(
        [(b"content-length", b"%d" % len(body)), (b"etag", _etag(body))]
    )
    stored = replace(page.stored, head=Head(page.stored.head.status, fields), length=len(body))
    return Page(stored, body, page.dated, page.reads, page.values)


def head_of(fields: Fields, marks: Mapping[bytes, str], values: Values, whole: bytes | None) -> Fields:
    """The fields of an answer that is sent as it is made: its length and validator were those of the marks.

    Raises:
        RuntimeError: Its content is compressed, so that the marks in it can't be found.
    """
    if b"content-encoding" in fields:
        raise RuntimeError(
            "a page with holes was compressed: compress after the cache's middleware, not before"
        )
    fields = in_fields(fields, marks, values).without((b"content-length", b"etag", b"last-modified"))
    if whole is None:
        return fields
    return fields.replaced([(b"content-length", b"%d" % len(whole)), (b"etag", _etag(whole))])


def _etag(body: bytes) -> bytes:
    return b'"%b"' % blake2b(body, digest_size=12).hexdigest().encode()


class Refill:
    """Fills holes in content that comes in pieces; a mark may begin in one and end in the next."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = b""

    def piece(self, piece: bytes, marks: Mapping[bytes, str], values: Values, *, last: bool) -> bytes:
        """What can be sent."""
        text = replaced(self._kept + piece, marks, values)
        cut = len(text) if last else _where_a_mark_may_begin(text)
        self._kept = text[cut:]
        return text[:cut]


def _where_a_mark_may_begin(text: bytes) -> int:
    """The place of a mark that isn't whole yet, or the end."""
    at = text.rfind(_MARK, max(0, len(text) - _LENGTH + 1))
    if at >= 0:
        return at
    for length in range(min(len(_MARK) - 1, len(text)), 0, -1):
        if text.endswith(_MARK[:length]):
            return len(text) - length
    return len(text)
