"""`python -m bench.sqlite_watching [--quick] [--json FILE]`: what seeing all writes to an SQLite file costs.

Writers: rows that are changed in one transaction, with no trigger, with a usual audit trigger (old and
new row as JSON) and with ours. Readers: a hit that nobody disturbs, with and without a watcher, and one
of a `strict` cache, which looks whether anything was committed; that look is one `PRAGMA data_version`,
which is measured beside it. And how soon another program's COMMIT is announced.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from afresh import Cache, Row
from afresh.db.watch.sqlite import SQLiteWatcher
from bench import measure

COLUMNS = "id INTEGER PRIMARY KEY, name TEXT, price INTEGER, section TEXT, note TEXT, views INTEGER"
ROWS = 2000
NONE, AUDIT, OURS = "no trigger", "an audit trigger (JSON)", "watched"
LOOK, BOUNDED, STRICT = "PRAGMA data_version", "a hit, watched, bounded", "a hit, watched, strict"
HIT = "a hit, not watched"
SCOPE = "a hit, watched, strict, in a scope"

_JSON = ", ".join(f"'{name}', {{0}}.{name}" for name in ("id", "name", "price", "section", "note", "views"))
_AUDIT = "CREATE TABLE audit (id INTEGER PRIMARY KEY, old TEXT, new TEXT);" + "".join(
    f"CREATE TRIGGER audit_{event} AFTER {event} ON product BEGIN INSERT INTO audit (old, new) VALUES"
    f" ({old}, {new}); END;"
    for event, old, new in (
        ("INSERT", "NULL", f"json_object({_JSON.format('NEW')})"),
        ("UPDATE", f"json_object({_JSON.format('OLD')})", f"json_object({_JSON.format('NEW')})"),
        ("DELETE", f"json_object({_JSON.format('OLD')})", "NULL"),
    )
)


def database(path: Path, extra: str = "") -> Path:
    """A file with a table of products."""
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.executescript(
            f"CREATE TABLE product ({COLUMNS}); CREATE INDEX sections ON product (section);{extra}"
        )
    return path


def change(connection: sqlite3.Connection, sql: str, count: int) -> float:
    """Microseconds of processor time for one row, of `count` in a transaction."""
    began = time.process_time()
    connection.execute("BEGIN")
    for number in range(count):
        connection.execute(sql, {"n": number, "text": f"note {time.monotonic_ns()}"})
    connection.execute("COMMIT")
    return (time.process_time() - began) / count * 1e6


def writers(stack: ExitStack, folder: Path, table: measure.Table, quick: bool) -> None:
    """What a row costs who writes it."""
    cache = stack.enter_context(Cache("memory://"))
    watched = database(folder / "watched.db")
    stack.enter_context(SQLiteWatcher(watched, cache, every=3600))
    paths = {
        NONE: database(folder / "none.db"),
        AUDIT: database(folder / "audit.db", _AUDIT),
        OURS: watched,
    }
    open_ = partial(sqlite3.connect, isolation_level=None)
    connections = {name: stack.enter_context(closing(open_(path))) for name, path in paths.items()}
    for what, sql in (
        ("INSERT", "INSERT OR IGNORE INTO product VALUES (:n, 'p' || :n, :n, 's' || (:n % 20), :text, 0)"),
        ("UPDATE of a column", "UPDATE product SET note = :text WHERE id = :n"),
    ):
        timed = {name: partial(change, each, sql, ROWS) for name, each in connections.items()}
        if what == "INSERT":
            timed = {name: partial(_filled, connections[name], each) for name, each in timed.items()}
        samples = measure.interleave(timed, 5 if quick else 25)
        for name, found in samples.items():
            figures = {
                "µs a row": measure.percentile(found, 0.5),
                "ratio": measure.ratio(samples, name, NONE),
                "to audit": measure.ratio(samples, name, AUDIT),
            }
            goals = [measure.Goal("to audit", 2.0)] if name == OURS else []
            table.add(f"{what}: {name}", figures, *goals)


def _filled(connection: sqlite3.Connection, fill: Callable[[], float]) -> float:
    connection.execute("DELETE FROM product")
    return fill()


def repeated(call: Callable[[], object], count: int) -> float:
    """Microseconds of processor time for one call."""
    began = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - began) / count * 1e6


def product() -> int:
    """A row."""
    return 7


def readers(stack: ExitStack, folder: Path, table: measure.Table, quick: bool) -> None:
    """What a hit costs."""
    path = database(folder / "read.db")
    connection = stack.enter_context(closing(sqlite3.connect(path, isolation_level=None)))

    def look() -> None:
        connection.execute("PRAGMA data_version").fetchone()

    calls: dict[str, Callable[[], object]] = {LOOK: look}
    for what, consistency, watched in (
        (HIT, "bounded", False),
        (BOUNDED, "bounded", True),
        (STRICT, "strict", True),
    ):
        cache = stack.enter_context(Cache("memory://", consistency=consistency))
        if watched:
            stack.enter_context(SQLiteWatcher(path, cache, every=3600, max_stale=7200))
        calls[what] = cache.cached(prefix="product", tags=[Row("product", 1)])(product)
    strict, scope = calls[STRICT], cache.scope

    def in_scope() -> None:
        with scope():
            for _ in range(20):
                strict()

    count = 2_000 if quick else 20_000
    timed: dict[str, measure.Timed] = {name: partial(repeated, each, count) for name, each in calls.items()}
    timed[SCOPE] = lambda: repeated(in_scope, count // 20) / 20
    samples = measure.interleave(timed, 5 if quick else 25)
    goals = {
        BOUNDED: measure.Goal("to a hit", 1.1),
        SCOPE: measure.Goal("to the look", 1.0),
    }
    for name, found in samples.items():
        figures = {
            "µs": measure.percentile(found, 0.5),
            "to a hit": measure.ratio(samples, name, HIT),
            "to the look": measure.ratio(samples, name, LOOK),
        }
        table.add(name, figures, *([goals[name]] if name in goals else []))


def lags(stack: ExitStack, folder: Path, table: measure.Table, quick: bool) -> None:
    """How soon a COMMIT is announced."""
    path = database(folder / "lag.db")
    cache = stack.enter_context(Cache("memory://"))
    stack.enter_context(SQLiteWatcher(path, cache))
    other = stack.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
    found = []
    for number in range(50 if quick else 500):
        before = cache._engine.ledger.position()
        other.execute("INSERT OR REPLACE INTO product (id, price) VALUES (1, ?)", (number,))
        committed = time.perf_counter()
        while cache._engine.ledger.position() == before:
            time.sleep(0.0002)
        found.append((time.perf_counter() - committed) * 1000)
    figures = {f"p{part * 100:g} ms": measure.percentile(found, part) for part in (0.5, 0.99)}
    table.add("from COMMIT to announced", figures, measure.Goal("p50 ms", 15.0), measure.Goal("p99 ms", 50.0))


def main() -> int:
    """Measure, print, and say whether the goals were met."""
    options = measure.parser(__doc__).parse_args()
    paid = measure.Table("What a row costs who writes it, in a transaction of 2,000")
    read = measure.Table("What a hit costs who reads")
    late = measure.Table("How soon others' writes are announced, looking every 10 ms")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="afresh-bench-")))
        writers(stack, folder, paid, options.quick)
        readers(stack, folder, read, options.quick)
        lags(stack, folder, late, options.quick)
    return measure.finish("sqlite_watching", [paid, read, late], options.json)


if __name__ == "__main__":
    sys.exit(main())
