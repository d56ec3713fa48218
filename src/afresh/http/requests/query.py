"""The content of a QUERY (RFC 10008): a part of its key, so it is read before anything is looked up."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

from afresh.http.requests.asked import Asked

METHOD = "QUERY"

_MOST = 65_536  # bytes; what asks with more is passed on, its content unread


async def read(asked: Asked, receive: Any) -> tuple[Asked, Any]:
    """The request with its content, and a `receive` that gives the application all of it again."""
    messages: list[Any] = []
    content, more = b"", True
    while more and len(content) <= _MOST:
        message = await receive()
        messages.append(message)
        content += message.get("body", b"")
        more = message.get("more_body", False)
    messages.reverse()

    async def again() -> Any:
        return messages.pop() if messages else await receive()

    whole = not more and messages[0]["type"] == "http.request"
    return _with(asked, content if whole and len(content) <= _MOST else None), again


def read_from(asked: Asked, environ: dict[str, Any]) -> tuple[Asked, dict[str, Any]]:
    """The request with its content, and an environ that gives the application all of it again."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > _MOST or "HTTP_TRANSFER_ENCODING" in environ:
        return asked, environ
    content = environ["wsgi.input"].read(int(length))
    if len(content) != int(length):
        return asked, environ | {"wsgi.input": BytesIO(content)}
    return _with(asked, content), environ | {"wsgi.input": BytesIO(content)}


def _with(asked: Asked, content: bytes | None) -> Asked:
    return asked._replace(request=replace(asked.request, content=content))
