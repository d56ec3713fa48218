"""An application behind an edge, without afresh: each path does what a test gave it, and is counted."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

Fields = dict[str, str]
Page = Callable[[Any], tuple[int, list[tuple[str, str]], bytes]]


class Origin:
    """A server on loopback. `pages[path] = (status, fields, body)`, or a function of the request."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}
        self.seen: Counter[str] = Counter()
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                self.body = self.rfile.read(length)
                path = self.path
                origin.seen[path] += 1
                origin.requests.append((self.command, path, {k.lower(): v for k, v in self.headers.items()}))
                page = origin.pages.get(path, origin.pages.get(path.partition("?")[0], (404, [], b"?")))
                status, fields, body = page(self) if callable(page) else page
                self.send_response(status)
                for name, value in fields:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = answer

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


class Got(NamedTuple):
    status: int
    fields: dict[str, str]
    body: bytes


def ask(
    port: int, path: str, method: str = "GET", fields: Fields | None = None, body: bytes | None = None
) -> Got:
    """One request on a connection of its own."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body=body, headers=fields or {})
        response: HTTPResponse = connection.getresponse()
        return Got(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()
