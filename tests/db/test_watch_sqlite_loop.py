"""A plain call on an event loop's thread, while another thread looks into the file: it waits, and never suspends."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from afresh import Cache
from afresh.db.watch.sqlite import SQLiteWatcher


def test_a_plain_call_on_a_loops_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE product (id INTEGER PRIMARY KEY)")
    with Cache("memory://", consistency="strict") as cache, SQLiteWatcher(path, cache, every=60) as watcher:
        one = cache.cached(prefix="one")(lambda: 1)
        look = watcher._follower.look
        # As if another thread had just begun to look.
        monkeypatch.setattr(watcher._follower, "look", lambda wait=True: look() if wait else False)

        async def main() -> int:
            return one()

        assert asyncio.run(main()) == 1
