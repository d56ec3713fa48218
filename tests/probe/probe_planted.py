"""An application with every mistake, and a cache with every other: each under the name of its probe."""

from __future__ import annotations

import gzip
from itertools import count
from typing import Any
from urllib.parse import unquote

FILL = b"." * 200


class Planted:
    """Invites to be cached, and answers by what no cache can see."""

    def __init__(self) -> None:
        self._numbers = count()

    def number(self) -> bytes:
        """Another one for each answer."""
        return b"%d" % next(self._numbers)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        content = (await receive())["body"]
        fields = {bytes(name): bytes(value) for name, value in scope["headers"]}
        name = scope["path"].strip("/").partition("/")[0].partition(";")[0]
        status, headers, body = self.answer(name, scope, fields, content)
        pairs = [(b"cache-control", b"max-age=60"), (b"content-type", b"text/plain")]
        if name in {"forbidden", "vary-all"}:
            pairs.append((b"cache-control", b"private") if name == "forbidden" else (b"vary", b"*"))
        await send({"type": "http.response.start", "status": status, "headers": pairs + headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def answer(self, name: str, scope: Any, fields: Any, content: bytes) -> Any:
        number = self.number()
        seen = [fields.get(each, b"") for each in (b"cookie", b"authorization", b"x-mark", b"x-original-url")]
        where = fields.get(b"x-forwarded-host") or fields.get(b"forwarded") or fields.get(b"host")
        whole = b" ".join([number, scope["raw_path"], *seen[:2], seen[3], where, content, FILL])
        if len(seen[2]) > 1000:
            return 400, [], b"what a field"
        if scope["method"] == "POST" or b"x-http-method-override" in fields:
            return 201, [], b"made"
        if b"x-forwarded-scheme" in fields:
            return 301, [(b"location", b"https://%b/" % where)], b"elsewhere"
        if name == "range" and b"range" in fields:
            return 206, [(b"content-range", b"bytes 0-0/200")], whole[:1]
        if name == "not-modified" and b"if-none-match" in fields:
            return 304, [], b""
        if name == "encoding" and b"accept-encoding" in fields:
            return 200, [(b"content-encoding", b"gzip")], gzip.compress(whole)
        if name == "set-cookie":
            return 200, [(b"set-cookie", b"visitor=%b" % number)], whole
        return 200, [], whole


class Naive:
    """A cache that looks at nothing but the path and the query."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.stored: dict[Any, list[Any]] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        key = unquote(scope["raw_path"].decode()), scope["query_string"]
        if key not in self.stored:
            messages: list[Any] = []

            async def keep(message: Any) -> None:
                messages.append(message)

            await self.app(scope, receive, keep)
            self.stored[key] = messages
        for message in self.stored[key]:
            await send(message)
