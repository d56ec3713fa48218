"""Processes that only write: a shell, a command, a task. Nobody in them asks for the project's cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = """
import sys

import django
from django.conf import settings

role, folder, middleware = sys.argv[1:]
settings.configure(
    INSTALLED_APPS=["afresh.django"],
    MIDDLEWARE=[middleware] if middleware else [],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/shop.sqlite"}},
    AFRESH={},
    SECRET_KEY="a secret that is long enough to be one",
)
django.setup()

from django.db import connection

if role == "make":
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE shop (id INTEGER PRIMARY KEY, price INTEGER)")
        cursor.execute("INSERT INTO shop VALUES (1, 10)")
elif role == "write":
    with connection.cursor() as cursor:
        cursor.execute("UPDATE shop SET price = 25 WHERE id = 1")
    from afresh.engine.changes.capturing import engines

    print(len(engines()))
else:
    from afresh.django import project_cache

    def price():
        print("loads")
        with connection.cursor() as cursor:
            cursor.execute("SELECT price FROM shop WHERE id = 1")
            return cursor.fetchone()[0]

    print(project_cache().get_or_load("price", price, ttl=600))
"""


@pytest.fixture
def run(tmp_path: Path):
    (tmp_path / "manage.py").write_text(PROJECT)

    def act(role: str, middleware: str = "afresh.django.Middleware") -> list[str]:
        done = subprocess.run(  # noqa: PLW1510
            [sys.executable, "manage.py", role, str(tmp_path), middleware],
            cwd=tmp_path,
            env={**os.environ, "AFRESH_DIR": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return act


def test_a_process_that_only_writes_tells_those_that_serve(run) -> None:
    run("make")
    assert run("read") == ["loads", "10"]
    assert run("read") == ["10"]
    run("write")
    assert run("read") == ["loads", "25"]


def test_a_project_that_keeps_no_pages_opens_no_cache_to_write(run) -> None:
    run("make", "")
    assert run("write", "") == ["0"]
