"""An ASGI application of a few lines, and a client that calls it in process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple


class Answered(NamedTuple):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def get(self, name: str) -> str | None:
        found = [value.decode() for key, value in self.headers if key == name.encode()]
        return ", ".join(found) if found else None

    @property
    def hit(self) -> bool:
        return "; hit" in (self.get("cache-status") or "")

    @property
    def text(self) -> str:
        return self.body.decode()


def scope_of(
    path: str = "/", *, method: str = "GET", query: str = "", host: str = "example.org", **headers: str
) -> dict[str, Any]:
    fields = [(b"host", host.encode())] if host else []
    fields += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": fields,
        "client": ("192.0.2.1", 1234),
        "server": ("example.org", 443),
    }


async def ask(app: Any, path: str = "/", *, content: bytes = b"", **asked: Any) -> Answered:
    """One request, answered whole."""
    messages: list[Any] = []
    parts = [{"type": "http.request", "body": content, "more_body": False}]
    sent = asyncio.Event()

    async def receive() -> Any:
        if parts:
            return parts.pop()
        await sent.wait()  # as servers have it
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            sent.set()

    await app(scope_of(path, **asked), receive, send)
    start = messages[0]
    body = b"".join(message["body"] for message in messages[1:] if message["type"] == "http.response.body")
    return Answered(start["status"], list(start["headers"]), body)


class Application:
    """Answers every request with what `view` makes of its scope: status, headers and pieces of content."""

    def __init__(self, view: Callable[..., Any] | None = None, **headers: str) -> None:
        self.calls = 0
        self.view = view
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.seen: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        self.seen.append(scope)
        status, headers, pieces = 200, dict(self.headers), [b"%d" % self.calls]
        if self.view is not None:
            made = self.view(scope, self.calls)
            made = await made if asyncio.iscoroutine(made) else made
            status, more, pieces = made
            headers.update(more)
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        for at, piece in enumerate(pieces):
            body = await piece() if callable(piece) else piece
            await send({"type": "http.response.body", "body": body, "more_body": at + 1 < len(pieces)})
