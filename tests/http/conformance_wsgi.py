"""The forwarding application as a WSGI application, and a server with threads for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from conformance_gateway import Gateway


def forwarding(port: int) -> Callable[..., list[bytes]]:
    """Forwards each request to an origin, as `Gateway` does."""
    gateway = Gateway(port)

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        messages: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": content}

        async def send(message: Any) -> None:
            messages.append(message)

        asyncio.run(gateway(_scope(environ), receive, send))
        status = messages[0]["status"]
        phrase = HTTPStatus(status).phrase if status in {*HTTPStatus} else "Other"
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in messages[0]["headers"]
        ]
        start_response(f"{status} {phrase}", headers)
        return [message["body"] for message in messages[1:]]

    return app


def _scope(environ: dict[str, Any]) -> dict[str, Any]:
    fields = {name[5:]: value for name, value in environ.items() if name.startswith("HTTP_")}
    fields |= {name: environ[name] for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(name)}
    return {
        "type": "http",
        "method": environ["REQUEST_METHOD"],
        "raw_path": environ["PATH_INFO"].encode("latin-1"),
        "query_string": environ["QUERY_STRING"].encode("latin-1"),
        "headers": [
            (name.replace("_", "-").lower().encode(), value.encode("latin-1"))
            for name, value in fields.items()
        ],
    }


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is no news."""


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Nobody reads it."""

    def get_stderr(self) -> Any:
        return _Silent()


class _Silent:
    """Where the server writes what the application raised: the origin's broken connections."""

    def write(self, text: str) -> None: ...

    def flush(self) -> None: ...


@contextmanager
def served_by_threads(app: Any) -> Iterator[str]:
    """The application behind the standard library's server; its base URL."""
    server = make_server("127.0.0.1", 0, app, _Server, _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(20)
