"""`afresh serve --publish`: pages of any application, served by nginx with Python stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from edges import nginx
from origin import ask
from publishing_stage import published
from typer.testing import CliRunner

from afresh import Cache, tag
from afresh.cli.commands import app
from afresh.edge.follow import Follower
from afresh.edge.published import Published
from afresh.testing.servers import MemcachedServer
from afresh.testing.servers.process import accepts, free_port, wait_until

SITE = """
from afresh import Cache, tag

opened = []

def application(environ, start_response):
    for cache in opened:
        cache.depends_on(tag("menu"))
    fields = [("Cache-Control", "s-maxage=600"), ("Content-Type", "text/html; charset=utf-8")]
    start_response("200 OK", fields)
    return [open("menu").read().encode()]

def made():
    opened.append(Cache())
    return application
"""


@pytest.mark.servers
@pytest.mark.slow
def test_what_is_served_is_published_and_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "own"))
    (tmp_path / "own").mkdir(mode=0o700)
    (tmp_path / "site_that_publishes.py").write_text(SITE)
    (tmp_path / "menu").write_text("tea")
    port = free_port()
    with MemcachedServer(tmp_path / "memcached") as memcached:
        arguments = ["site_that_publishes:made", "--factory", "--wsgi", "--port", str(port)]
        arguments += ["--publish", memcached.address, "--index", "index"]
        program = [sys.executable, "-c", "from afresh.cli import main; main()", "serve", *arguments]
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(program, cwd=tmp_path, stdout=log, stderr=log, env=dict(os.environ))
        try:
            wait_until(lambda: accepts(port) or process.poll() is not None, "afresh serve")
            assert process.poll() is None, (tmp_path / "log").read_text()
            with (
                nginx(tmp_path, port, mode="memcached", memcached=memcached.address) as front,
                Cache() as cache,
                Follower(
                    cache, [Published(memcached.address, tmp_path / "index")], folder=tmp_path / "edges"
                ) as follower,
            ):
                assert follower.settled(10)
                wait_until(lambda: published(front.port, "/"), "the page")
                (tmp_path / "menu").write_text("cake")
                cache.invalidate(tag("menu"))
                assert follower.settled(10)
                assert not published(front.port, "/")
                wait_until(lambda: published(front.port, "/"), "the new page")
                process.send_signal(signal.SIGINT)
                process.wait(20)
                assert ask(front.port, "/").body == b"cake"
                assert ask(front.port, "/other").status == 502
        finally:
            process.kill()
            process.wait(20)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--publish", "127.0.0.1:1"], "go together"),
        (["--index", "index"], "go together"),
        (["--publish", "nonsense", "--index", "index"], "HOST:PORT"),
        (["--publish", "127.0.0.1:1", "--index", "no/such/folder/index"], "a folder that is there"),
    ],
)
def test_what_makes_no_sense_is_said(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["serve", "a:b", *arguments])
    assert result.exit_code == 1
    assert said in " ".join(result.output.split())
