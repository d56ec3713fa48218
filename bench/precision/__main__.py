"""`python -m bench.precision [--quick] [--json FILE]`: how many of a shop's cached queries each write drops.

Every query is a cached function that reads through SQLAlchemy; every write is a transaction through
the same engine. After each write every query is asked for again, through its function and past it:
who loaded was dropped, whose answer is another one had to be, and who answers differently was missed.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

import afresh.db.sqlalchemy
from afresh import Cache
from afresh.db import Database
from bench import measure
from bench.precision.reads import SHAPES, Read
from bench.precision.rules import Rows, by_equality, by_table, changed
from bench.precision.shop import VOLATILE, open_shop
from bench.precision.writes import make_write

ENTRIES = 650
FEW, BY_KEYS, JOINED = "few columns", "whole rows", "whole rows, joined"
GOALS = {
    FEW: (measure.Goal("afresh", 7.0), measure.Goal("afresh/needed", 2.8)),
    BY_KEYS: (measure.Goal("afresh/needed", 3.5),),
    JOINED: (),
}


@dataclass
class Entry:
    """One cached query.

    Args:
        name: Of its shape.
        read: What it asks for.
        ask: Its function.
        text: Its SQL, with its values.
        kept: Which of its columns are compared: all but the volatile ones.
        answer: The last one that the database gave.
    """

    name: str
    read: Read
    ask: Callable[[], Any]
    text: str
    kept: Sequence[int]
    answer: Any = None


@dataclass
class Score:
    """How many entries were dropped, over all writes."""

    writes: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    needless: Counter[str] = field(default_factory=Counter)

    def remark(self) -> str:
        """Which queries were dropped for nothing, and how often."""
        most = (f"{name} {count / self.writes:.2f}" for name, count in self.needless.most_common(8))
        return f"dropped for nothing, per write: {', '.join(most)}"

    def figures(self) -> dict[str, float]:
        """Entries per write, by the rule that drops them."""
        of = {
            name: self.counts[name] / self.writes for name in ("by table", "by equality", "afresh", "needed")
        }
        return {**of, "afresh/needed": of["afresh"] / of["needed"], "missed": self.counts["missed"]}


class Workload:
    """The shop, its cached queries, and what becomes of them.

    Args:
        seed: Of its chance.
        how: `few columns`; or whole rows, as ORMs select them, and volatile columns declared.
    """

    def __init__(self, seed: int, cache: Cache, how: str) -> None:
        self.chance = random.Random(seed)
        self.how = how
        self.engine: Engine = open_shop(self.chance)
        database = Database(
            "sqlite", paramstyle="qmark", volatile=None if how == FEW else VOLATILE, unseen_ttl="1d"
        )
        afresh.db.sqlalchemy.instrument(self.engine, database)
        self.raw: Any = self.engine.raw_connection().driver_connection
        self.loads = 0
        self.score = Score()
        found: dict[str, Entry] = {}  # a query that is asked for twice is cached once
        while len(found) < ENTRIES:
            shape = self.chance.choice(SHAPES)
            read = shape(self.chance)
            text = self._text(read)
            if text not in found:
                found[text] = self._entry(cache, shape.__name__, read, text)
        self.entries = list(found.values())

    def _text(self, read: Read) -> str:
        """A query's SQL, with its values."""
        statement = read.statement(whole=self.how != FEW)
        return str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))

    def _entry(self, cache: Cache, name: str, read: Read, text: str) -> Entry:
        statement = read.statement(whole=self.how != FEW)
        asked = read.by_keys() if self.how == BY_KEYS else statement

        @cache.cached(prefix=text)
        def ask() -> list[Any]:
            self.loads += 1
            with Session(self.engine) as session:
                return [_plain(row) for row in session.execute(asked)]

        columns = [
            (getattr(getattr(each, "table", None), "name", ""), each.name)
            for each in statement.selected_columns
        ]
        unread = {(table, column) for table, columns in VOLATILE.items() for column in columns}
        return Entry(
            name, read, ask, text, [index for index, each in enumerate(columns) if each not in unread]
        )

    def answer(self, entry: Entry) -> Any:
        """What the database says, past the cache."""
        return [[row[index] for index in entry.kept] for row in self.raw.execute(entry.text)]

    def rows(self, table: str) -> Rows:
        """All rows of a table."""
        cursor = self.raw.execute(f'SELECT * FROM "{table}"')
        names = [each[0] for each in cursor.description]
        return {row[0]: dict(zip(names, row, strict=True)) for row in cursor}

    def run(self, writes: int) -> Score:
        """Write so often, and look at every entry each time."""
        for entry in self.entries:
            entry.ask()
            entry.answer = self.answer(entry)
        for _ in range(writes):
            self._step()
        return self.score

    def _step(self) -> None:
        write = make_write(self.chance)
        table = write.table.name
        before = self.rows(table)
        with self.engine.begin() as connection:
            connection.execute(write)
        rows = changed(before, self.rows(table))
        self.score.writes += 1
        for entry in self.entries:
            self._look(entry, table, rows)

    def _look(self, entry: Entry, table: str, rows: list[Any]) -> None:
        loads, counts = self.loads, self.score.counts
        entry.ask()
        told = self.loads > loads
        answer = self.answer(entry)
        needed, entry.answer = answer != entry.answer, answer
        counts["afresh"] += told
        self.score.needless[entry.name] += told and not needed
        counts["needed"] += needed
        counts["missed"] += needed and not told
        counts["by table"] += by_table(entry.read, table, rows)
        counts["by equality"] += by_equality(entry.read, table, rows)


def _plain(row: Any) -> list[str]:
    return [str(getattr(each, "id", each)) for each in row]


def measured(seed: int, writes: int, how: str) -> Score:
    """One run."""
    with Cache("memory://") as cache:
        return Workload(seed, cache, how).run(writes)


def main() -> int:
    """Measure both, and say whether the goals are met."""
    options = measure.parser(__doc__)
    options.add_argument("--seed", type=int, default=7)
    given = options.parse_args()
    writes = 100 if given.quick else 600
    table = measure.Table(f"Of {ENTRIES} cached queries, dropped by each of {writes:,} writes")
    for how, goals in GOALS.items():
        score = measured(given.seed, writes, how)
        table.add(how, score.figures(), *goals, measure.Goal("missed", 0))
        table.remarks.append(f"{how}: {score.remark()}")
    return measure.finish("precision", [table], given.json)


if __name__ == "__main__":
    sys.exit(main())
