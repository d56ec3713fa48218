"""`afresh watch --triggers`: a table of versions is made, followed, looked at and dropped."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from afresh import Cache, Row
from afresh.cli.commands import app
from afresh.testing.servers import PostgresServer

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def test_from_the_first_start_to_the_last_drop(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "server") as server, Cache(f"sqlite:///{tmp_path}/cache") as cache:
        server.psql(
            "CREATE TABLE product (id int PRIMARY KEY, name text); INSERT INTO product VALUES (1, 'a')"
        )

        @cache.cached(prefix="name", tags=[Row("product", 1)])
        def name() -> str:
            with psycopg.connect(server.url) as connection:
                return str(connection.execute("SELECT name FROM product WHERE id = 1").fetchall()[0][0])

        assert name() == "a"
        asked = ["watch", server.url, "--triggers"]
        command = [sys.executable, "-c", "from afresh.cli import main; main()", *asked]
        with subprocess.Popen(
            [*command, "--cache", f"sqlite:///{tmp_path}/cache"], stdout=subprocess.PIPE, text=True
        ) as watching:
            assert watching.stdout is not None
            while not watching.stdout.readline().startswith("following"):
                assert watching.poll() is None
            assert name() == "a"  # anew: a watcher that begins announces everything
            server.psql("UPDATE product SET name = 'b' WHERE id = 1")
            end = time.monotonic() + 60
            while name() != "b":
                assert time.monotonic() < end
                time.sleep(0.01)
            watching.terminate()
            assert watching.wait(20) == 0
            assert watching.stdout.read().splitlines()[-1].startswith("stopped; 1 transactions of 1 rows")
        assert CliRunner().invoke(app, [*asked, "--check"]).exit_code == 0
        assert "dropped" in CliRunner().invoke(app, [*asked, "--drop"]).output
        missing = CliRunner().invoke(app, [*asked, "--check"])
        assert missing.exit_code == 1
        assert "no table of versions" in missing.output
