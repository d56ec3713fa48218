"""The smallest cache that the rules make possible, as ASGI middleware: it judges the rules, nothing else.

No engine, no streaming, no collapsing: what fails here is a rule.
"""

from __future__ import annotations

import time
from typing import Any

from afresh.rfc import (
    Fields,
    Forward,
    Freshened,
    Head,
    Refusal,
    Refuse,
    Request,
    Serve,
    Settings,
    Stored,
    Validate,
    Why,
    answer,
    cache_status,
    end_to_end,
    failing,
    finished,
    groups,
    headed,
    invalidates,
    primary_key,
    serve,
    storable,
    validated,
    with_cache_status,
)

Page = tuple[Stored, bytes, frozenset[bytes]]


class SmallCache:
    """Keeps whole answers in a dictionary."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.pages: dict[bytes, list[Page]] = {}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        request = _request(scope)
        key = primary_key(request, self.settings)
        pages = self.pages.get(key, [])
        decision = answer(request, [page[0] for page in pages], now=time.time(), settings=self.settings)
        if isinstance(decision, Refuse):
            reply = decision.head, b""
        elif isinstance(decision, Serve):
            reply = self._served(decision)
            if decision.refresh:
                await self._asked(request, scope, receive, Forward(Why.STALE, "", request.fields), key)
        else:
            reply = await self._asked(request, scope, receive, decision, key)
        await _send(send, *reply)

    def _served(self, decision: Serve) -> tuple[Head, bytes]:
        content = next(
            page[1] for pages in self.pages.values() for page in pages if page[0] is decision.stored
        )
        ttl = decision.stored.fresh_until - time.time()
        member = cache_status("small", hit=True, ttl=ttl)
        fields = with_cache_status(decision.head.fields, member)
        return Head(decision.head.status, fields), content[decision.start : decision.stop]

    async def _asked(
        self, request: Request, scope: Any, receive: Any, decision: Validate | Forward, key: bytes
    ) -> tuple[Head, bytes]:
        requested_at = time.time()
        try:
            head, content = await _called(
                self.app, {**scope, "headers": list(decision.fields.pairs)}, receive
            )
        except ConnectionError:
            head, content = Head(502, Fields(((b"content-length", b"0"),))), b""
        times = {"requested_at": requested_at, "received_at": time.time()}
        stored = decision.stored
        if stored is not None:
            old = failing(request, stored, now=time.time(), settings=self.settings, status=head.status)
            if old is not None:
                return self._served(old)
        self._invalidated(request, head)
        if isinstance(decision, Validate):
            found = validated(request, decision.stored, head, **times, settings=self.settings)
            if found is not None:
                return self._freshened(request, key, decision.stored, found)
        if request.method == "HEAD" and stored is not None:
            updated = headed(request, stored, head, **times, settings=self.settings)
            self._replaced(key, stored, updated)
        return self._passed_on(request, head, content, times, key)

    def _freshened(
        self, request: Request, key: bytes, stored: Stored, found: Freshened
    ) -> tuple[Head, bytes]:
        content = next(page[1] for page in self.pages[key] if page[0] is stored)
        self._replaced(key, stored, found)
        served = serve(request, found.stored, now=time.time())
        return served.head, content[served.start : served.stop]

    def _replaced(self, key: bytes, stored: Stored, found: Freshened | None) -> None:
        pages = self.pages.get(key, [])
        for at, page in enumerate(pages):
            if page[0] is stored:
                if found is None or found.refusal:
                    del pages[at]
                else:
                    pages[at] = (found.stored, *page[1:])
                return

    def _passed_on(
        self, request: Request, head: Head, content: bytes, times: dict[str, float], key: bytes
    ) -> tuple[Head, bytes]:
        stored: Stored | Refusal = storable(request, head, **times, settings=self.settings)
        if isinstance(stored, Stored):
            stored = finished(stored, len(content))
        if isinstance(stored, Stored):
            new = stored
            others = [page for page in self.pages.get(key, []) if page[0].selected != new.selected]
            self.pages[key] = [*others, (new, content, frozenset(groups(request, head.fields)))]
        detail = stored.reason if isinstance(stored, Refusal) else ""
        member = cache_status("small", why=Why.MISS, stored=not detail, detail=detail)
        return Head(head.status, with_cache_status(end_to_end(head.fields), member)), content

    def _invalidated(self, request: Request, head: Head) -> None:
        gone = invalidates(request, head, self.settings)
        for name in gone.targets:
            self.pages.pop(name, None)
        for key, pages in self.pages.items():
            self.pages[key] = [page for page in pages if page[2].isdisjoint(gone.groups)]


def _request(scope: dict[str, Any]) -> Request:
    fields = Fields.of(scope["headers"])
    return Request(
        scope["method"],
        scope["scheme"],
        fields.get(b"host") or b"",
        scope["raw_path"],
        scope["query_string"],
        fields,
    )


async def _called(app: Any, scope: dict[str, Any], receive: Any) -> tuple[Head, bytes]:
    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await app(scope, receive, send)
    start = messages[0]
    return Head(start["status"], Fields.of(start["headers"])), b"".join(each["body"] for each in messages[1:])


async def _send(send: Any, head: Head, content: bytes) -> None:
    await send({"type": "http.response.start", "status": head.status, "headers": list(head.fields.pairs)})
    await send({"type": "http.response.body", "body": content})
