"""Asking a shop for its pages costs little, and an answer that isn't a page is not taken for one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from bench.apps.oscar.timed import timed

asked: list[str] = []


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked.append(self.path)
        self.send_response(500 if self.path == "/broken" else 200)
        body = b"x" * 300_000
        if self.path != "/endless":
            self.send_header("Content-Length", str(len(body)))
        if self.path in {"/closing", "/endless"}:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/", "/closing"])
def test_every_connection_asks_so_often(port: int, path: str) -> None:
    assert timed(port, path, 3, connections=2) > 0
    assert asked == [path] * 6


@pytest.mark.parametrize(("path", "said"), [("/broken", "500"), ("/endless", "without a length")])
def test_what_is_no_page_is_an_error(port: int, path: str, said: str) -> None:
    with pytest.raises(RuntimeError, match=said):
        timed(port, path, 1)


def test_a_server_that_is_gone_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="refused"):
        timed(1, "/", 1)
