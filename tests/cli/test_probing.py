"""The command `probe`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from afresh.cli.commands import app

runner = CliRunner()

APPLICATION = """
from afresh import Cache
from afresh.asgi import CacheMiddleware

stored = {}

async def careless(scope, receive, send):
    key = scope["path"], scope["query_string"]
    body = stored.setdefault(key, dict(scope["headers"]).get(b"cookie", b"nobody"))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})

async def right(scope, receive, send):
    body = dict(scope["headers"]).get(b"cookie", b"nobody")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"max-age=60")]})
    await send({"type": "http.response.body", "body": body})

app = CacheMiddleware(right, cache=Cache("memory://"))
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    name = f"probed_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(APPLICATION)
    monkeypatch.chdir(tmp_path)
    return name


def test_what_is_found_is_said(module: str) -> None:
    result = runner.invoke(app, ["probe", f"{module}:careless", "--path", "/a", "--path", "/b"])
    assert result.exit_code == 1
    assert "cookie at /a: what a visitor gets by his cookie is shown to others" in result.output
    assert "cookie at /b" in result.output


def test_that_nothing_is_found_is_said(module: str) -> None:
    result = runner.invoke(app, ["probe", f"{module}:app"])
    assert (result.exit_code, result.output) == (0, "22 classes at 1 paths: nothing found\n")


@pytest.mark.parametrize(
    "target", ["nothing", "no_such_module:app", "ftp://example.org", "http://127.0.0.1:1"]
)
def test_what_can_not_be_probed(target: str) -> None:
    result = runner.invoke(app, ["probe", target])
    assert result.exit_code == 2
    assert "could not be probed" in result.output
