"""Workers over one PostgreSQL and one cache, as processes of their own."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

from commits import Commits

from afresh.testing.servers import PostgresServer

HERE = Path(__file__).parent
_NUMBERS = count()
SCHEMA = "CREATE TABLE stock (id int PRIMARY KEY, version int)"


class DatabaseCrew:
    """Processes that read and write one table.

    Args:
        server: Where the table is; it is made anew, in a database of its own.
        folder: For what is known, and for the machine's folder.
        url: Of the cache.
        seed: What chance begins with.
        settings: What the workers are told beside that: `consistency`, `versions`, `defect` …
    """

    def __init__(self, server: PostgresServer, folder: Path, url: str, seed: int, **settings: Any) -> None:
        self._chance = random.Random(seed)
        name = f"stress{next(_NUMBERS)}"
        database = server.create(name)
        folder.mkdir(mode=0o700, exist_ok=True)
        defaults = {
            "consistency": "strict",
            "versions": False,
            "defect": "",
            "rows": 6,
            "pause": 0.004,
            "suicide": 0.0,
        }
        self.settings: dict[str, Any] = {
            **defaults,
            "url": url.format(folder=folder),
            "database": database,
            "machine": str(folder),
            "slot": name,
            "table": str(folder / "commits"),
            **settings,
        }
        Commits(folder / "commits")  # before several make it at once
        rows = ", ".join(f"({row}, 0)" for row in range(self.settings["rows"]))
        server.psql(f"{SCHEMA}; INSERT INTO stock VALUES {rows}", database=name)
        self.counts: Counter[str] = Counter()
        self.oldest_ms = 0.0
        self.killed = 0

    def start(self, role: str, seconds: float) -> subprocess.Popen[str]:
        """Start a worker."""
        settings = {**self.settings, "role": role, "seconds": seconds, "seed": self._chance.randrange(10**9)}
        command = [sys.executable, str(HERE / "database_worker.py"), json.dumps(settings)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(
        self,
        seconds: float,
        *,
        readers: int = 2,
        writers: int = 0,
        strangers: int = 0,
        kill: bool = False,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        """Everybody reads and writes; with `kill` a writer is killed every now and then, and another one begins."""
        roles = ["reader"] * readers + ["writer"] * writers + ["stranger"] * strangers
        working = [self.start(role, seconds) for role in roles]
        try:
            for worker in working:
                assert worker.stdout is not None
                assert worker.stdout.readline() == "ready\n"
            meanwhile()
            self._let(working, time.monotonic() + seconds, range(readers, readers + writers), kill=kill)
            for worker in working:
                output, _ = worker.communicate(timeout=90)
                self._count(output)
        finally:
            for worker in working:
                worker.kill()
                worker.communicate()

    def _let(
        self, working: list[subprocess.Popen[str]], end: float, writers: Iterable[int], *, kill: bool
    ) -> None:
        """Let them work. A writer that is dead is followed by another one."""
        while time.monotonic() < end - 0.5:
            time.sleep(self._chance.uniform(0.2, 0.6))
            for number in writers:
                writer = working[number]
                if kill and writer.poll() is None and (not self.killed or self._chance.random() < 0.1):
                    writer.kill()
                    writer.wait()
                if writer.poll() == -9:
                    writer.communicate()
                    self.killed += 1
                    working[number] = self.start("writer", max(end - time.monotonic(), 0.1))

    def _count(self, output: str) -> None:
        if output.startswith("{") or "\n{" in output:  # else it has killed itself at the end
            counts = json.loads(output.splitlines()[-1])
            self.oldest_ms = max(self.oldest_ms, counts.pop("oldest_ms"))
            self.counts.update(counts)

    @property
    def written(self) -> int:
        """How many versions are known to be committed, whoever lives to tell."""
        return sum(Commits(Path(self.settings["table"])).known)

    def __str__(self) -> str:
        return f"{dict(self.counts)}, {self.written} versions, oldest {self.oldest_ms:g} ms, {self.killed} writers killed"
