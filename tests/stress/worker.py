"""A worker of the stress runs, as a program: `worker.py ROLE FOLDER NUMBER SEED SECONDS`.

Roles: `reader` (threads and tasks in one process), `writer` (invalidates after the change),
`careful` (changes within `cache.writing`, so it may be killed anywhere), `loader` (25 threads or
tasks that all want one key). Prints one line of JSON when it ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import threading
import time
from pathlib import Path

from table import ROWS, Table

from afresh import Cache, Row


class Worker:
    def __init__(self, folder: Path, number: int, seed: int, seconds: float) -> None:
        os.environ["AFRESH_DIR"] = str(folder / "cache")
        self.folder, self.number, self.seconds = folder, number, seconds
        self.random = random.Random(seed)
        self.table = Table(folder / "table")
        self.cache = Cache()
        self.counts = {"reads": 0, "stale": 0, "wrong": 0, "loads": 0, "writes": 0}
        self.row = self.cache.cached(ttl=60, tags=lambda i: [Row("row", i)], prefix="row")(self._load)

        async def load(i: int) -> dict[str, int]:
            return self._load(i)

        async def page(first: int) -> int:
            return sum([(await self.arow(i % ROWS))["version"] for i in range(first, first + 3)])

        self.arow = self.cache.cached(ttl=60, tags=lambda i: [Row("row", i)], prefix="arow")(load)
        self.page = self.cache.cached(ttl=60, prefix="page")(page)

    def _load(self, i: int) -> dict[str, int]:
        self.counts["loads"] += 1
        return {"row": i, "version": self.table.versions[i]}

    def until(self):
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            yield self.random.randrange(ROWS)

    # -- roles --

    def reader(self) -> None:
        threads = [threading.Thread(target=self._read) for _ in range(3)]
        for thread in threads:
            thread.start()
        asyncio.run(self._read_in_tasks())
        for thread in threads:
            thread.join()

    def _read(self) -> None:
        for i in self.until():
            before = self.table.acknowledged[i]
            self._judge(i, before, self.row(i))

    async def _read_in_tasks(self) -> None:
        async def reader() -> None:
            for i in self.until():
                before = self.table.acknowledged[i]
                self._judge(i, before, await self.arow(i))
                before = sum(self.table.acknowledged[(i + k) % ROWS] for k in range(3))
                self.counts["reads"] += 1
                self.counts["stale"] += await self.page(i) < before
                await asyncio.sleep(0)

        await asyncio.gather(*(reader() for _ in range(4)))

    def _judge(self, i: int, before: int, value: dict[str, int]) -> None:
        self.counts["reads"] += 1
        self.counts["wrong"] += value["row"] != i
        self.counts["stale"] += value["version"] < before

    def writer(self) -> None:
        for i in self._mine():
            version = self.table.versions[i] + 1
            self.table.versions[i] = version
            self.cache.invalidate(Row("row", i))
            self.table.acknowledged[i] = version

    def careful(self) -> None:
        for i in self._mine():
            version = self.table.versions[i] + 1
            with self.cache.writing(Row("row", i)):
                self.table.versions[i] = version
            self.table.acknowledged[i] = version

    def _mine(self):
        """Rows of this writer alone, so that no update is lost in the table itself."""
        for i in self.until():
            self.counts["writes"] += 1
            yield i // 4 * 4 + self.number % 4
            time.sleep(0.001)

    def loader(self) -> None:
        """25 callers of one key: who loads, and how long the last one waits."""
        log = self.folder / "loads"

        def load() -> float:
            with log.open("a") as file:
                file.write(f"{os.getpid()}\n")
            time.sleep(0.3)
            return time.time()

        slow = self.cache.cached(ttl=60, prefix="slow")(load)
        (self.folder / f"ready-{self.number}").touch()
        while not (self.folder / "go").exists():
            time.sleep(0.001)
        late: list[float] = []

        def call() -> None:
            loaded_at = slow()
            late.append(time.time() - loaded_at)

        threads = [threading.Thread(target=call) for _ in range(25)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.counts["late_ms"] = round(max(late) * 1000, 1)


if __name__ == "__main__":
    role, folder, number, seed, seconds = sys.argv[1:]
    worker = Worker(Path(folder), int(number), int(seed), float(seconds))
    getattr(worker, role)()
    worker.counts["damaged"] = worker.cache.stats().damaged
    worker.cache.close()
    print(json.dumps(worker.counts))
