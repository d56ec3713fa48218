"""A worker of the stress runs over servers: `server_worker.py SETTINGS`, which is a JSON object.

Roles: `reader` (threads and tasks), `writer` (changes within `cache.writing`, so it may be killed
anywhere), `loader` (25 threads that all want one key), `counter` (adds with `mutate`). Prints one line
of JSON when it ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from history import ROWS, History

from afresh import AfreshError, BackendError, Cache, Row

_DELIVERY = 10.0  # seconds for an announcement to reach a server that comes back


class Worker:
    def __init__(self, settings: dict[str, Any]) -> None:
        os.environ["AFRESH_DIR"] = settings["machine"]
        self.settings = settings
        self.random = random.Random(settings["seed"])
        self.end = time.monotonic() + settings["seconds"]
        self.history = History(Path(settings["table"]))
        self.cache = Cache(settings["url"], consistency=settings["consistency"])
        self.counts = {"reads": 0, "stale": 0, "wrong": 0, "loads": 0, "writes": 0, "failed": 0}
        self.oldest = 0.0
        self.row = self.cache.cached(ttl=60, tags=lambda i: [Row("row", i)], prefix="row")(self._load)

        async def load(i: int) -> dict[str, int]:
            return self._load(i)

        async def page(first: int) -> list[int]:
            return [(await self.arow(i % ROWS))["version"] for i in range(first, first + 3)]

        self.arow = self.cache.cached(ttl=60, tags=lambda i: [Row("row", i)], prefix="arow")(load)
        self.page = self.cache.cached(ttl=60, prefix="page")(page)

    def _load(self, i: int) -> dict[str, int]:
        self.counts["loads"] += 1
        return {"row": i, "version": self.history.versions[i]}

    def rows(self) -> Iterator[int]:
        while time.monotonic() < self.end:
            yield self.random.randrange(ROWS)

    # -- roles --

    def reader(self) -> None:
        half = self.settings["callers"] // 2
        threads = [threading.Thread(target=self._read) for _ in range(half)]
        for thread in threads:
            thread.start()
        asyncio.run(self._read_in_tasks(half))
        for thread in threads:
            thread.join()

    def _read(self) -> None:
        for i in self.rows():
            known, asked = self.history.acknowledged[i], time.monotonic_ns()
            self._judge(i, known, asked, self.row(i))

    async def _read_in_tasks(self, count: int) -> None:
        async def reader() -> None:
            for i in self.rows():
                known, asked = self.history.acknowledged[i], time.monotonic_ns()
                self._judge(i, known, asked, await self.arow(i))
                rows = [(i + k) % ROWS for k in range(3)]
                knowns, asked = [self.history.acknowledged[row] for row in rows], time.monotonic_ns()
                for row, known, version in zip(rows, knowns, await self.page(i), strict=True):
                    self._judge(row, known, asked, {"row": row, "version": version})
                await asyncio.sleep(0)

        await asyncio.gather(*(reader() for _ in range(count)))

    def _judge(self, i: int, known: int, asked: int, value: dict[str, int]) -> None:
        self.counts["reads"] += 1
        self.counts["wrong"] += value["row"] != i
        overdue = self.history.overdue(i, value["version"], asked, known)
        self.counts["stale"] += overdue > 0
        self.oldest = max(self.oldest, overdue)

    def writer(self) -> None:
        number = self.settings["number"]
        for any_row in self.rows():
            i = any_row // 4 * 4 + number % 4  # rows of this writer alone
            version = self.history.versions[i] + 1
            try:
                with self.cache.writing(Row("row", i)):
                    self.history.versions[i] = version
            except AfreshError:
                self.counts["failed"] += 1
                if self.history.versions[i] < version:
                    continue  # the intent was refused, so nothing was changed
                # The change is made, and its announcement was refused: try until somebody hears it.
                if not self._announce(i):
                    continue
            if self._delivered():
                self.history.acknowledge(i, version)
            self.counts["writes"] += 1
            time.sleep(0.002)

    def _announce(self, i: int) -> bool:
        while time.monotonic() < self.end + _DELIVERY:
            try:
                self.cache.invalidate(Row("row", i))
            except AfreshError:
                time.sleep(0.05)
            else:
                return True
        return False

    def _delivered(self) -> bool:
        """Wait until nothing that was announced here is still on its way to the server."""
        give_up = time.monotonic() + _DELIVERY
        while self.cache.stats().status.get("undelivered", 0):
            if time.monotonic() > give_up:
                return False
            time.sleep(0.01)
        return True

    def counter(self) -> None:
        for _ in range(self.settings["times"]):
            self.cache.mutate("sum", lambda old: (old or 0) + 1)

    def loader(self) -> None:
        """25 callers of one key: who loads, and how long the last one waits."""
        folder = Path(self.settings["table"]).parent

        def load() -> float:
            with (folder / "loads").open("a") as file:
                file.write(f"{os.getpid()}\n")
            time.sleep(0.3)
            return time.time()

        slow = self.cache.cached(ttl=60, prefix="slow")(load)
        (folder / f"ready-{self.settings['number']}").touch()
        while not (folder / "go").exists():
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
        self.counts["late_ms"] = round(max(late) * 1000)


def main(settings: dict[str, Any]) -> None:
    worker = Worker(settings)
    print("ready", flush=True)
    try:
        getattr(worker, settings["role"])()
    except BackendError as error:
        raise SystemExit(f"the caller was told of the cache's trouble: {error!r}") from error
    worker.counts["damaged"] = worker.cache.stats().damaged
    worker.cache.close()
    print(json.dumps({**worker.counts, "oldest_ms": round(worker.oldest * 1000, 1)}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
