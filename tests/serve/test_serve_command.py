"""`afresh serve` as a program: ASGI, WSGI and another server behind it, several workers, TLS."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from afresh.cli.commands import app as commands
from afresh.errors import ConfigurationError
from afresh.http.serve.running import Serving, create, is_wsgi
from afresh.testing.servers import Certificates
from afresh.testing.servers.process import accepts, free_port, wait_until

SITE = """
import os
from afresh import Cache, tag

async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b"%d" % os.getpid()
    fields = [(b"cache-control", b"max-age=60"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})

def wsgi(environ, start_response):
    start_response("200 OK", [("Cache-Control", "max-age=60"), ("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]

def made():
    return asgi
"""


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[int]:
    """The port of `afresh serve …`."""
    (folder / "site_of_a_test.py").write_text(SITE)
    port = free_port()
    environment = os.environ | {"AFRESH_DIR": str(folder / "afresh")}
    program = [
        sys.executable,
        "-c",
        "from afresh.cli import main; main()",
        "serve",
        *arguments,
        "--port",
        str(port),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(program, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: accepts(port) or process.poll() is not None, "afresh serve")
        assert process.poll() is None, (folder / "log").read_text()
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


@pytest.mark.slow
def test_workers_share_pages(tmp_path: Path) -> None:
    with served(tmp_path, "site_of_a_test:asgi", "--workers", "2") as port:
        answers = {httpx2.get(f"http://127.0.0.1:{port}/").text for _ in range(30)}
    assert len(answers) == 1, "one of them ran the view, once"
    assert '/ HTTP/1.1 hit" 200' in (tmp_path / "log").read_text()


@pytest.mark.slow
def test_a_wsgi_application_and_another_server(tmp_path: Path) -> None:
    with served(tmp_path, "site_of_a_test:wsgi", "--no-access-log") as behind:
        for _ in range(2):
            answer = httpx2.get(f"http://127.0.0.1:{behind}/a/b")
            assert answer.text == "/a/b"
        assert "; hit" in answer.headers["cache-status"]
        front = tmp_path / "front"
        front.mkdir()
        with served(front, "--upstream", f"http://127.0.0.1:{behind}") as port:
            for _ in range(2):
                answer = httpx2.get(f"http://127.0.0.1:{port}/c")
                assert answer.text == "/c"
            assert "; hit" in answer.headers["cache-status"]


@pytest.mark.slow
def test_tls_a_factory_and_names_for_caches_in_front(tmp_path: Path) -> None:
    files = Certificates(tmp_path / "tls")
    tls = ["--certificate", str(files.certificate), "--key", str(files.key)]
    with served(tmp_path, "site_of_a_test:made", "--factory", "--edge", *tls) as port:
        context = ssl.create_default_context(cafile=str(files.ca))
        with httpx2.Client(verify=context) as client:
            answers = [client.get(f"https://localhost:{port}/") for _ in range(3)]
    assert len({answer.text for answer in answers}) == 1
    assert all(answer.headers["surrogate-key"].startswith("afresh ") for answer in answers)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name one of the two"),
        (["a:b", "--upstream", "http://x"], "name one of the two"),
        (["nonsense"], "module:attribute"),
        (["a:b", "--workers", "2", "--cache", "memory://"], "belongs to one process"),
        (["no_such_module:b", "--workers", "2"], "no module 'no_such_module'"),
        (["no.such.module:b", "--workers", "2"], "no module 'no.such.module'"),
        (["json:dumps", "--workers", "2", "--cache", "bogus://x"], "this release knows"),
        (["--upstream", "ftp://x", "--workers", "2"], "write http://HOST:PORT"),
        (["json:dumps", "--rules", "no_such.toml"], "can't be read"),
        (["json:dumps", "--certificate", "no_such.pem"], "'no_such.pem' is no file"),
        (["json:dumps", "--certificate", __file__], "no certificate with its key"),
        (["json:dumps", "--key", "no_such.pem"], "give its certificate too"),
        (["json:dumps", "--uds", "/no/such/folder/x"], "no folder '/no/such/folder'"),
        (["json:dumps", "--uds", __file__], "something else than a socket"),
        (["json:dumps", "--allow-host", "http://x"], "name of a host"),
    ],
)
def test_what_makes_no_sense_is_said(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(commands, ["serve", *arguments])
    assert result.exit_code == 1
    assert said in result.output


def test_an_application_has_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFRESH_SERVING", json.dumps({"app": "json:__name__", "cache": "memory://"}))
    with pytest.raises(ConfigurationError, match="can't be called"):
        create()


def test_what_kind_of_application_it_is() -> None:
    class Asgi:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    class Wsgi:
        def __call__(self, environ: Any, start_response: Any) -> Any: ...

    def older(scope: Any) -> Any: ...

    assert [is_wsgi(each) for each in (Asgi(), Wsgi(), older, lambda environ, start: [], print)] == [
        False, True, False, True, False,
    ]  # fmt: skip


def test_one_thing_to_serve_is_enough_and_needed() -> None:
    Serving(app="a:b").check()
    with pytest.raises(ConfigurationError):
        Serving().check()
