"""`python -m bench.bytes_per_entry [--json FILE]`: memory for 10^6 integers by integer, against `dict`.

Each store is filled in a process of its own, and what the process grew by (resident set) is
divided by what a `dict` with the same keys and values takes. `churned` is the memory store again,
after as many more entries as it holds have pushed the first ones out: it then has ghosts too, and
its dictionary has grown as any dictionary does whose keys change.
The command exits with 1 when the memory store takes more than 2.1 times the `dict`.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path

_ENTRIES = 1_000_000
_GOAL = 2.1


def _resident() -> int:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _dict(entries: int) -> object:
    return {key: key + entries for key in range(entries)}


def _churned_dict(entries: int) -> object:
    made: dict[int, int] = {}
    for key in range(2 * entries):
        if key >= entries:
            del made[key - entries]
        made[key] = key + entries
    return made


def _afresh(entries: int, rounds: int = 1) -> object:
    from afresh.backends.memory.limit import Limit
    from afresh.backends.memory.store import MemoryStore
    from afresh.core.entry import NEVER, Entry, Facts

    store, facts, position = MemoryStore(Limit(entries)), Facts("", 0), 10**15
    space = store.space()
    for key in range(entries * rounds):
        store.admit(Entry(key + entries, facts, space, key, fresh_until=NEVER, checked_at=position))
    return store


def _cache(entries: int) -> object:
    from afresh import Cache

    cache = Cache("memory://", l1=entries)
    for key in range(entries):
        cache.set(key, key + entries)
    return cache


def _cachebox(entries: int) -> object:
    import cachebox

    cache: cachebox.LRUCache[int, int] = cachebox.LRUCache(entries)
    for key in range(entries):
        cache[key] = key + entries
    return cache


def _cachetools_lru(entries: int) -> object:
    import cachetools

    cache: MutableMapping[int, int] = cachetools.LRUCache(entries)
    for key in range(entries):
        cache[key] = key + entries
    return cache


def _cachetools_ttl(entries: int) -> object:
    import cachetools

    cache: MutableMapping[int, int] = cachetools.TTLCache(entries, 3600)
    for key in range(entries):
        cache[key] = key + entries
    return cache


_STORES: dict[str, Callable[[int], object]] = {
    "dict": _dict,
    "dict churned": _churned_dict,
    "afresh store": _afresh,
    "afresh cache.set": _cache,
    "afresh churned": lambda entries: _afresh(entries, 2),
    "cachebox LRU": _cachebox,
    "cachetools LRU": _cachetools_lru,
    "cachetools TTL": _cachetools_ttl,
}
_BOUND = ("afresh store", "afresh cache.set")
"""The rows that the goal is for."""


def _fill(name: str, entries: int) -> None:
    """Fill one store here and print the bytes per entry."""
    fill = _STORES[name]
    fill(10)  # what is imported is not counted
    gc.collect()
    before = _resident()
    kept = fill(entries)
    gc.collect()
    print((_resident() - before) / entries)
    del kept


def _measured(name: str, entries: int) -> float:
    run = subprocess.run(
        [sys.executable, "-m", "bench.bytes_per_entry", "--fill", name, "--entries", str(entries)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(run.stdout)


def main() -> int:
    """Print the table; returns an exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.bytes_per_entry", description=__doc__)
    parser.add_argument("--entries", type=int, default=_ENTRIES)
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--fill", choices=_STORES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        _fill(options.fill, options.entries)
        return 0

    figures = {name: _measured(name, options.entries) for name in _STORES}
    for name, figure in figures.items():
        print(f"{name:18} {figure:7.1f} bytes per entry  {figure / figures['dict']:5.2f} x dict")
    if options.json:
        options.json.write_text(json.dumps({"goal": _GOAL, "bytes_per_entry": figures}, indent=1) + "\n")
    missed = [name for name in _BOUND if figures[name] > _GOAL * figures["dict"]]
    print(f"goal: {_GOAL} x dict; missed by: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
