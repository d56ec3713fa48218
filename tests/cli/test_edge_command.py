"""`afresh edge …`: what it writes, what it refuses, and that following ends in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from afresh import Cache, tag
from afresh.cli import edge
from afresh.cli.commands import app
from afresh.cli.edge import line
from afresh.edge.follow import EdgeStatus
from afresh.testing.servers.process import wait_until

runner = CliRunner()


def test_configurations_are_written_whole() -> None:
    written = runner.invoke(
        app, ["edge", "varnish", "--host", "a.example", "--ignore-cookie", "_ga*", "--token", "t"]
    )
    assert written.exit_code == 0
    assert written.output.startswith("vcl 4.1;")
    assert "@" not in written.output
    assert 'x-afresh-token != "t"' in written.output
    for more in (["--mode", "front"], ["--mode", "memcached"], ["--certificate", "/c", "--key", "/k"]):
        written = runner.invoke(app, ["edge", "nginx", "--name", "a.example", *more])
        assert written.exit_code == 0
        assert written.output.rstrip().endswith("}")
        assert "@app" in written.output or "@" not in written.output
    assert "ssl http2" in written.output
    assert "return 308 https://" in written.output


def test_two_configurations_have_two_tokens() -> None:
    one, other = (runner.invoke(app, ["edge", "varnish"]).output for _ in range(2))
    assert one != other


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["varnish", "--backend", "here"], "HOST:PORT"),
        (["varnish", "--host", 'a" || true'], "letters, digits"),
        (["varnish", "--token", "a b"], "letters, digits"),
        (["nginx", "--name", "a; }"], "letters, digits"),
        (["nginx", "--mode", "fast"], "cache, memcached or front"),
        (["nginx", "--certificate", "/c"], "both a certificate"),
        (["follow", "--cache", "memory://"], "name an edge"),
        (["follow", "--varnish", "http://127.0.0.1:1"], "AFRESH_VARNISH_TOKEN"),
        (["follow", "--published", "127.0.0.1:1"], "--index"),
        (["follow", "--published", "nonsense", "--index", "index"], "HOST:PORT"),
    ],
)
def test_what_makes_no_sense_is_said(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AFRESH_VARNISH_TOKEN", raising=False)
    result = runner.invoke(app, ["edge", *arguments])
    assert result.exit_code == 1
    assert said in result.output


def test_one_line_says_how_an_edge_is() -> None:
    assert line(EdgeStatus("nginx /p", 1200, 3, "")) == "nginx /p: 1,200 purges taken, 3 waiting"
    assert line(EdgeStatus("varnish", 0, 3, "it refuses")).endswith("3 waiting; it refuses")


def test_who_stands_by_says_soon_that_it_follows_now(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(edge, "_SOON", 0.001)

    class Follower:
        """Takes over at the fourth look."""

        looks = 0
        working = False

        def status(self) -> list[EdgeStatus]:
            self.looks += 1
            if self.looks < 4:
                return []
            signal.raise_signal(signal.SIGTERM)
            return [EdgeStatus("nginx", 0, 0, "")]

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    edge._until_stopped(Follower())  # type: ignore[arg-type]
    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert capsys.readouterr().out.splitlines() == [
        "another process follows", "nginx: 0 purges taken, 0 waiting",
    ]  # fmt: skip


@pytest.mark.slow
def test_following_drops_pages_of_an_nginx_until_it_is_stopped(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    page = pages / "a" / "b" / ("0" * 30 + "ba")
    cache = f"sqlite:///{tmp_path}/cache"
    program = "from afresh.cli import main; main()"
    command = [sys.executable, "-c", program, "edge", "follow", "--cache", cache, "--nginx", str(pages)]
    environment = os.environ | {"AFRESH_DIR": str(tmp_path / "own")}
    with Cache(cache) as opened, (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: "purges taken" in (tmp_path / "log").read_text(), "a follower")
            keys = names_of(tag("menu"))
            page.parent.mkdir(parents=True)
            page.write_bytes(
                b"\0" * 400 + b"\nKEY: http://x/\nHTTP/1.1 200 OK\r\nSurrogate-Key: %b\r\n\r\nx" % keys
            )
            opened.invalidate(tag("menu"))
            wait_until(lambda: not page.exists(), "the page's end")
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, (tmp_path / "log").read_text()


def names_of(dependency: object) -> bytes:
    from afresh.core.tags import hashed
    from afresh.edge.keys import Keys

    return Keys().carried([hashed(next(dependency.marked()))]).encode()  # type: ignore[attr-defined]
