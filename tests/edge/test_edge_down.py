"""The application is killed: what says so is still served, by a proxy of ours, Varnish and nginx; published pages too."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from edges import nginx, running, varnish
from origin import ask

from afresh import Cache
from afresh.asgi import CacheMiddleware
from afresh.http.serve import Protocol
from afresh.http.serve.upstream import Upstream
from afresh.testing.servers import MemcachedServer
from afresh.testing.servers.process import Server, accepts, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

FRESH = 1  # seconds
SITE = f"""
import atexit
import os
from pathlib import Path

from afresh import Cache
from afresh.edge.published import Publishing, PublishMiddleware

async def site(scope, receive, send):
    if scope["type"] != "http":
        return
    control = {{"/kept": b"s-maxage={FRESH}, stale-if-error=600", "/published": b"s-maxage=600"}}
    fields = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", b"4"),
        (b"cache-control", control.get(scope["path"], b"no-store")),
    ]
    await send({{"type": "http.response.start", "status": 200, "headers": fields}})
    await send({{"type": "http.response.body", "body": b"page"}})

cache = Cache()
atexit.register(cache.close)
publishing = Publishing(cache, os.environ["PAGES"], Path("index"))
app = PublishMiddleware(site, cache, publishing)
"""


class Application(Server):
    """`afresh serve --edge`, as a program."""

    def __init__(self, folder: Path, memcached: str) -> None:
        super().__init__(folder)
        (folder / "site_that_dies.py").write_text(SITE)
        self.memcached = memcached
        self._given = [f"PAGES={memcached}", f"AFRESH_DIR={folder / 'afresh'}"]

    def command(self) -> Sequence[str]:
        program = [sys.executable, "-c", "from afresh.cli import main; main()", "serve", "site_that_dies:app"]
        return ["/usr/bin/env", *self._given, *program, "--edge", "--port", str(self.port)]

    def answers(self) -> bool:
        return accepts(self.port)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    folder = tmp_path_factory.mktemp("application")
    with (
        MemcachedServer(folder / "memcached") as memcached,
        Application(folder / "app", memcached.address) as application,
    ):
        yield application


@pytest.fixture
def application(started: Application) -> Application:
    """It lives, whatever the test before has done to it."""
    return started if started.answers() else started.start()


def test_pages_are_served_while_the_application_is_dead(application: Application, tmp_path: Path) -> None:
    with ExitStack() as stack:
        cache = stack.enter_context(Cache("memory://"))
        proxy = CacheMiddleware(Upstream(f"http://127.0.0.1:{application.port}"), cache)
        ports = {"proxy": stack.enter_context(running(proxy, http=Protocol, lifespan="on"))}
        for name, kind in (("varnish", varnish), ("nginx", nginx)):
            ports[name] = stack.enter_context(kind(tmp_path, application.port)).port
        for name, port in ports.items():
            wait_until(
                lambda port=port: "hit" in ask(port, "/kept").fields["cache-status"], f"a hit at {name}"
            )
        application.kill()
        died = time.monotonic()
        while time.monotonic() < died + 2 * FRESH:  # from here on no page is fresh any more
            assert {ask(port, "/kept").body for port in ports.values()} == {b"page"}
        for name, port in ports.items():
            for _ in range(3):
                assert (ask(port, "/kept").status, ask(port, "/kept").body) == (200, b"page"), name
            assert ask(port, "/never-kept").status in {502, 503, 504}, name
        application.start()
        for name, port in ports.items():
            wait_until(lambda port=port: ask(port, "/never-kept").status == 200, f"{name} asks it again")


def test_published_pages_are_served_with_python_stopped(application: Application, tmp_path: Path) -> None:
    with nginx(tmp_path, application.port, mode="memcached", memcached=application.memcached) as front:

        def published() -> bool:
            return "published" in ask(front.port, "/published").fields["cache-status"]

        wait_until(published, "a published page")
        application.kill()
        assert not application.answers()
        for _ in range(3):
            got = ask(front.port, "/published")
            assert (got.status, got.body, got.fields["content-type"]) == (
                200,
                b"page",
                "text/html; charset=utf-8",
            )
        assert ask(front.port, "/never-kept").status == 502
