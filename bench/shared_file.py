"""The shared file against diskcache: one get, one set, and two processes at once with 10 % writes.

Run with `python -m bench.shared_file [--json FILE]`. Rounds of both stores alternate, and only ratios
of medians taken in one run are judged, since absolute times drift between machines and runs.
Values are 200 bytes under 10,000 keys and expire in an hour. What our store collects is flushed
within the time that is measured.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import diskcache

from afresh.backends.file.store.store import FileStore

KEYS = [f"shop:product:{number}" for number in range(10_000)]
VALUE = os.urandom(200)
LIFE = 3600.0
WRITES = 0.1

GOALS = {"get": 0.86, "set": 0.27, "operations/s": 1.7}
"""Ours divided by diskcache's: at most, for times; at least, for operations a second."""


class Store(Protocol):
    """What is measured of a store."""

    def get(self, key: str) -> object:
        """Read one key."""

    def set(self, key: str) -> None:
        """Write one key."""

    def finish(self) -> None:
        """Make everything written visible to others."""

    def close(self) -> None:
        """Give back what it holds open."""


class Ours:
    """The raw store, without the engine's envelopes around it."""

    def __init__(self, folder: Path) -> None:
        self._store = FileStore(folder / "store.sqlite")
        self.get = self._store.read

    def set(self, key: str) -> None:
        """Write one key."""
        _drive(self._store.put(key, VALUE, stamp=1, expires=time.time() + LIFE))

    def finish(self) -> None:
        """Commit."""
        _drive(self._store.flush())

    def close(self) -> None:
        """Close it."""
        self._store.close()


class Theirs:
    """diskcache with its own defaults."""

    def __init__(self, folder: Path) -> None:
        self._cache = diskcache.Cache(str(folder / "diskcache"))
        self.get = self._cache.get

    def set(self, key: str) -> None:
        """Write one key."""
        self._cache.set(key, VALUE, expire=LIFE)

    def finish(self) -> None:
        """It commits each write."""

    def close(self) -> None:
        """Close it."""
        self._cache.close()


STORES: dict[str, Callable[[Path], Store]] = {"afresh": Ours, "diskcache": Theirs}


def measure(rounds: int, operations: int) -> dict[str, dict[str, float]]:
    """Medians by store: microseconds of a get and a set, and operations a second of two processes."""
    samples: dict[str, dict[str, list[float]]] = {name: {measure: [] for measure in GOALS} for name in STORES}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        stores = {name: make(folder) for name, make in STORES.items()}
        for store in stores.values():
            for key in KEYS:
                store.set(key)
            store.finish()
        with _workers(folder, 2) as workers:
            for number in range(rounds):
                for name, store in stores.items():
                    keys = random.Random(number).choices(KEYS, k=operations)
                    samples[name]["get"].append(_time_gets(store, keys))
                    samples[name]["set"].append(_time_sets(store, keys))
                    samples[name]["operations/s"].append(_together(workers, name, number, 4 * operations))
        for store in stores.values():
            store.close()
    return {
        name: {measure: statistics.median(values) for measure, values in by_measure.items()}
        for name, by_measure in samples.items()
    }


def _time_gets(store: Store, keys: list[str]) -> float:
    get = store.get
    get(keys[0])
    began = time.perf_counter()
    for key in keys:
        get(key)
    return (time.perf_counter() - began) / len(keys) * 1e6


def _time_sets(store: Store, keys: list[str]) -> float:
    write = store.set
    began = time.perf_counter()
    for key in keys:
        write(key)
    store.finish()
    return (time.perf_counter() - began) / len(keys) * 1e6


def _together(workers: list[Connection], name: str, number: int, operations: int) -> float:
    for index, worker in enumerate(workers):
        worker.send((name, 1000 * number + index, operations))
    spans = [worker.recv() for worker in workers]
    took = max(end for _, end in spans) - min(begin for begin, _ in spans)
    return len(workers) * operations / took


@contextmanager
def _workers(folder: Path, count: int) -> Iterator[list[Connection]]:
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(count)]
    processes = [context.Process(target=_work, args=(theirs, folder), daemon=True) for _, theirs in pipes]
    for process in processes:
        process.start()
    ours = [pipe for pipe, _ in pipes]
    yield ours
    for pipe in ours:
        pipe.send(None)
    for process in processes:
        process.join()


def _work(pipe: Connection, folder: Path) -> None:
    stores = {name: make(folder) for name, make in STORES.items()}
    while (task := pipe.recv()) is not None:
        name, seed, operations = task
        store = stores[name]
        choose = random.Random(seed)
        plan = [(choose.random() < WRITES, key) for key in choose.choices(KEYS, k=operations)]
        get, write = store.get, store.set
        began = time.perf_counter()  # one clock for all processes of a machine
        for is_write, key in plan:
            if is_write:
                write(key)
            else:
                get(key)
        store.finish()
        pipe.send((began, time.perf_counter()))
    for store in stores.values():
        store.close()


def _drive(coroutine: Coroutine[Any, Any, Any]) -> None:
    try:
        coroutine.send(None)
    except StopIteration:
        return


def main() -> int:
    """Measure, print, and say whether every goal was met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--operations", type=int, default=5000, help="gets, and sets, of a round")
    options = parser.parse_args()
    rows = judge(measure(options.rounds, options.operations))
    print(f"{'':14}{'afresh':>12}{'diskcache':>12}{'ratio':>8}{'goal':>9}")
    for row in rows:
        print(
            f"{row['what']:14}{row['afresh']:12,.1f}{row['diskcache']:12,.1f}{row['ratio']:8.2f}"
            f"{row['sign']:>4}{row['goal']:5.2f}{'' if row['met'] else '   missed'}"
        )
    if options.json:
        options.json.write_text(json.dumps({"name": "shared file", "rows": rows}, indent=2) + "\n")
    return 0 if all(row["met"] for row in rows) else 1


def judge(result: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    """A row for each measure: both stores, their ratio, and whether the goal was met."""
    rows = []
    for what, goal in GOALS.items():
        ours, theirs = (result[name][what] for name in STORES)
        at_least = what == "operations/s"
        ratio = ours / theirs
        rows.append(
            {
                "what": what if at_least else f"{what} us",
                "afresh": ours,
                "diskcache": theirs,
                "ratio": ratio,
                "sign": ">=" if at_least else "<=",
                "goal": goal,
                "met": ratio >= goal if at_least else ratio <= goal,
            }
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
