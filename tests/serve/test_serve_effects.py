"""Nothing that hits have left to do is lost: several workers, a signal that ends them, and every visit counted."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from serving_tools import Wire, running

from afresh import Cache
from afresh.asgi import CacheMiddleware
from afresh.testing.servers.process import accepts, free_port, wait_until
from sizes import size

SITE = """
import sqlite3

def add(number):
    with sqlite3.connect("count.sqlite3", timeout=20) as connection:
        connection.execute("UPDATE visits SET number = number + ?", (number,))
    connection.close()

def count(effects):
    add(len(effects))

async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError("no lifespan, as with Django")
    add(1)
    fields = [(b"cache-control", b"max-age=1, stale-while-revalidate=60")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"counted"})
"""
RULES = """
[[http.rule]]
path = "/*"
side_effects = "replay"
replay = ["site_that_counts:count"]
"""
SERVE = [
    "-c",
    "from afresh.cli import main; main()",
    "serve",
    "site_that_counts:asgi",
    "--rules",
    "rules.toml",
]


@pytest.mark.slow
def test_every_visit_is_counted(tmp_path: Path) -> None:
    (tmp_path / "site_that_counts.py").write_text(SITE)
    (tmp_path / "rules.toml").write_text(RULES)
    counter = sqlite3.connect(tmp_path / "count.sqlite3", isolation_level=None)
    counter.execute("CREATE TABLE visits (number INTEGER)")
    counter.execute("INSERT INTO visits VALUES (0)")
    port, visits = free_port(), size(200, 5_000)
    environment = os.environ | {"AFRESH_DIR": str(tmp_path / "afresh")}
    command = [sys.executable, *SERVE, "--port", str(port), "--workers", "2"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: accepts(port) or process.poll() is not None, "afresh serve")
        url = f"http://127.0.0.1:{port}/"
        with ThreadPoolExecutor(8) as pool, httpx2.Client() as client:
            answers = list(pool.map(lambda _: client.get(url), range(visits)))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    assert {answer.text for answer in answers} == {"counted"}, (tmp_path / "log").read_text()
    hits = sum("; hit" in answer.headers["cache-status"] for answer in answers)
    assert hits > visits / 2
    assert counter.execute("SELECT number FROM visits").fetchone() == (visits,)
    counter.close()


def test_a_hit_with_something_to_do_is_not_answered_past_it() -> None:
    """Our protocol answers hits before ASGI starts: not those for which a function has to run."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        fields = [(b"cache-control", b"max-age=60"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b"ok"})

    seen: list[int] = []

    def always(hit: Any) -> None:
        seen.append(hit.status)
        hit.add("x-number", str(len(seen)))

    with (
        Cache("memory://") as cache,
        running(CacheMiddleware(app, cache, always=[always])) as port,
        Wire(port) as wire,
    ):
        answers = [wire.ask("/") for _ in range(4)]
    assert [fields.get(b"x-number") for _, fields, _ in answers] == [None, b"1", b"2", b"3"]
    assert seen == [200] * 3
