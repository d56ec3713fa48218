"""A worker of the stress run: `db_stress_worker.py ROLE DATABASE URL TABLE SECONDS SEED`.

A writer counts rows up, in transactions of one to three rows, some of them rolled back, and may be
killed anywhere. A reader asks for cached rows. What a commit has acknowledged, or a query has seen, is
in a mapped file: to be given less than what stood there before the question is stale.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "stress"))

from table import Table

from afresh import Cache
from afresh.db import Database, dbapi

ROWS = 6


def connect(where: str) -> Any:
    return dbapi.wrap(sqlite3.connect(where, timeout=30), Database("sqlite"))


def saw(table: Table, row: int, version: int) -> None:
    table.acknowledged[row] = max(table.acknowledged[row], version)  # may lose a race, never invents


def write(connection: Any, table: Table, chance: random.Random, end: float) -> dict[str, int]:
    commits = 0
    while time.monotonic() < end:
        rows = sorted(chance.sample(range(ROWS), chance.randint(1, 3)))
        versions = {}
        for row in rows:
            sql = f"UPDATE stock SET version = version + 1 WHERE id = {row} RETURNING version"
            versions[row] = connection.cursor().execute(sql).fetchall()[0][0]
        if chance.random() < 0.2:
            connection.rollback()
            continue
        connection.commit()
        commits += 1
        for row, version in versions.items():
            saw(table, row, version)
    return {"commits": commits}


def read(connection: Any, table: Table, chance: random.Random, end: float, cache: Cache) -> dict[str, int]:
    counts = {"reads": 0, "loads": 0, "stale": 0}

    @cache.cached(prefix="version")
    def version(row: int) -> int:
        counts["loads"] += 1
        found = connection.cursor().execute(f"SELECT version FROM stock WHERE id = {row}").fetchall()[0][0]
        connection.rollback()
        return int(found)

    while time.monotonic() < end:
        row = chance.randrange(ROWS)
        known = table.acknowledged[row]
        with cache.scope():
            found = version(row)
        counts["reads"] += 1
        counts["stale"] += found < known
        if not counts["reads"] % 50:  # what a query sees is committed, whoever acknowledged it or died
            seen = connection.cursor().execute(f"SELECT version FROM stock WHERE id = {row}").fetchall()[0][0]
            connection.rollback()
            saw(table, row, seen)
    return counts


def main(role: str, where: str, url: str, file: str, seconds: str, seed: str) -> None:
    table, chance, end = Table(Path(file)), random.Random(int(seed)), time.monotonic() + float(seconds)
    with Cache(url, consistency="strict") as cache:
        connection = connect(where)
        if role == "writer":
            counts = write(connection, table, chance, end)
        else:
            counts = read(connection, table, chance, end, cache)
        connection.close()
    print(json.dumps(counts), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
