"""Between Django's responses and the heads that the rules of HTTP are about."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.http import HttpResponse

from afresh.http.answers.adjusting import closed
from afresh.http.answers.reply import Reply
from afresh.rfc import Fields, Head

Pair = tuple[bytes, bytes]


def head_of(response: Any, without: Iterable[str] = ()) -> Head:
    """The head of a response, cookies included.

    Args:
        response: Django's.
        without: Names of cookies that are no part of it.
    """
    pairs = [(_encoded(name), _encoded(value)) for name, value in response.items()]
    pairs += [
        (b"set-cookie", morsel.output(header="").strip().encode("latin-1"))
        for name, morsel in response.cookies.items()
        if name not in without
    ]
    return Head(response.status_code, Fields.of(pairs))


def _encoded(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def of_reply(reply: Reply) -> HttpResponse:
    """A response from the cache."""
    return of_pairs(reply.head.status, reply.head.fields, reply.content)


def of_pairs(status: int, pairs: Iterable[Pair], content: bytes) -> HttpResponse:
    """A response of these fields."""
    response = HttpResponse(content, status=status, content_type="")
    del response.headers["Content-Type"]
    set_fields(response, pairs)
    return response


def set_fields(response: Any, pairs: Iterable[Pair]) -> None:
    """Give a response these fields, beside its cookies."""
    store: dict[str, Any] = {}
    for name, value in pairs:
        if name == b"set-cookie":
            continue
        key, text = name.decode("latin-1"), value.decode("latin-1")
        former = store.get(key)
        store[key] = (_titled(key), text if former is None else f"{former[1]}, {text}")
    response.headers._store = store


@lru_cache(maxsize=512)
def _titled(name: str) -> str:
    return name.title()


def for_one(fields: Fields) -> Fields:
    """The fields of an answer with holes: outer caches can't fill them."""
    said = {name.lower() for name in fields.members(b"vary")}
    if b"cookie" not in said and b"*" not in said:
        fields = Fields((*fields.pairs, (b"vary", b"cookie")))
    return closed(fields)
