"""Writers that are killed anywhere, readers in other processes, a ledger in a mapped file: nothing stale in `strict`."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import db_stress_worker
import pytest

import sizes

pytestmark = pytest.mark.slow

_SCHEMA = "CREATE TABLE stock (id INTEGER PRIMARY KEY, version INTEGER)"
_ROWS = ", ".join(f"({row}, 0)" for row in range(db_stress_worker.ROWS))


class Crew:
    """Processes over one database and one folder."""

    def __init__(self, where: str, folder: Path, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self._common = [where, f"sqlite:///{folder}/cache", str(folder / "table")]
        self._chance = random.Random(sizes.seed())
        self.killed = 0
        self.counts: Counter[str] = Counter()

    def start(self, role: str) -> subprocess.Popen[str]:
        left = max(self.end - time.monotonic(), 0.1)
        arguments = [role, *self._common, str(left), str(self._chance.randrange(1_000_000))]
        command = [sys.executable, db_stress_worker.__file__, *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def run(self, writers: int, readers: int) -> None:
        reading = [self.start("reader") for _ in range(readers)]
        writing = [self.start("writer") for _ in range(writers)]
        while time.monotonic() < self.end - 1.5:
            victim = self._chance.randrange(writers)
            try:
                writing[victim].wait(self._chance.uniform(0.3, 0.8))
            except subprocess.TimeoutExpired:
                writing[victim].kill()
                writing[victim].communicate()
                self.killed += 1
                writing[victim] = self.start("writer")
        for worker in (*reading, *writing):
            output, _ = worker.communicate(timeout=60)
            self.counts.update(json.loads(output))


def judge(crew: Crew, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\nstress: {dict(crew.counts)}, {crew.killed} writers killed")
    assert crew.counts["stale"] == 0
    assert crew.counts["loads"] < 0.9 * crew.counts["reads"]
    assert crew.killed > 0


def test_sqlite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "db"
    with sqlite3.connect(path) as setup:
        setup.execute("PRAGMA journal_mode = WAL")
        setup.execute(_SCHEMA)
        setup.execute(f"INSERT INTO stock VALUES {_ROWS}")
    setup.close()
    crew = Crew(str(path), tmp_path, sizes.size(6, 600))
    crew.run(2, 2)
    judge(crew, capsys)
