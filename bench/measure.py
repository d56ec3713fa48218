"""What the benchmarks share: interleaved rounds, ratios taken in one run, goals, a table, an exit status.

Absolute times drift between machines, and on one machine between minutes. So everything that is
compared is timed by turns, round after round, and the figure is the median over the rounds of the
ratio within a round. Garbage collection is off while timing, and the process stays on one processor.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Timed = Callable[[], float]
"""Does its work once and says what that cost."""
Samples = Mapping[str, Sequence[float]]


def interleave(timed: Mapping[str, Timed], rounds: int, *, warm_up: int = 2) -> dict[str, list[float]]:
    """Time each of `timed` once a round, each round beginning with another; returns the samples by name."""
    names = list(timed)
    samples: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(warm_up):
        for name in names:
            timed[name]()
    with uncollected():
        for number in range(rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                samples[name].append(timed[name]())
    return samples


def ratio(samples: Samples, name: str, to: str) -> float:
    """The median over the rounds of one's cost divided by the other's in the same round."""
    return statistics.median(one / other for one, other in zip(samples[name], samples[to], strict=True))


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest value that is not exceeded by `part` (0 to 1) of the values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-part * len(ordered) // 1) - 1))]


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection within."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def pin() -> int | None:
    """Keep this process on one processor, where the system can; returns its number."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    processor = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processor})
    return processor


@dataclass(frozen=True)
class Goal:
    """The bound of one figure of a row: at most `limit`, or at least."""

    figure: str
    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether the value is within the bound; what is not a number never is."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{self.figure} {'>=' if self.at_least else '<='} {_number(self.limit)}"


@dataclass
class Row:
    """One line of a table: what was measured, its figures by column, and what they have to be."""

    what: str
    figures: Mapping[str, float]
    goals: Sequence[Goal] = ()

    def missed(self) -> list[Goal]:
        """The goals that the figures don't reach."""
        return [goal for goal in self.goals if not goal.met(self.figures[goal.figure])]

    def record(self) -> dict[str, Any]:
        """The row for a JSON file."""
        goals = [
            {"figure": goal.figure, "goal": str(goal), "met": goal.met(self.figures[goal.figure])}
            for goal in self.goals
        ]
        return {"what": self.what, **self.figures, "goals": goals}


@dataclass
class Table:
    """Rows under a title."""

    title: str
    rows: list[Row] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, what: str, figures: Mapping[str, float], *goals: Goal) -> None:
        """Add a row."""
        self.rows.append(Row(what, figures, goals))

    def show(self) -> None:
        """Print it."""
        columns = list(dict.fromkeys(name for row in self.rows for name in row.figures))
        wide = max(len(row.what) for row in self.rows) + 2
        widths = {name: max(10, len(name) + 2) for name in columns}
        print(f"\n{self.title}\n{'':{wide}}" + "".join(f"{name:>{widths[name]}}" for name in columns))
        for row in self.rows:
            cells = "".join(
                f"{_number(row.figures[name]) if name in row.figures else '':>{width}}"
                for name, width in widths.items()
            )
            judged = "; ".join(
                str(goal) + (": MISSED" if goal in row.missed() else ": met") for goal in row.goals
            )
            print(f"{row.what:{wide}}{cells}" + (f"   {judged}" if judged else ""))
        for remark in self.remarks:
            print(f"  {remark}")


def _number(value: float) -> str:
    if isinstance(value, int) or value != value:
        return f"{value:,}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.995 else 3
    return f"{value:,.{digits}f}"


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    made.add_argument("--quick", action="store_true", help="small sizes: a look, not a judgement")
    made.add_argument("--json", type=Path, help="write the figures there too")
    return made


def finish(name: str, tables: Sequence[Table], json_file: Path | None, **more: Any) -> int:
    """Print the tables, write the file, and return the exit status: 1 when a goal was missed."""
    for table in tables:
        table.show()
    goals = sum(len(row.goals) for table in tables for row in table.rows)
    missed = sum(len(row.missed()) for table in tables for row in table.rows)
    print(f"\n{name}: {goals - missed} of {goals} goals met")
    if json_file is not None:
        record = {
            "name": name,
            "python": sys.version.split()[0],
            "machine": f"{platform.machine()}, {os.cpu_count()} processors",
            "tables": [
                {"title": table.title, "rows": [row.record() for row in table.rows], "remarks": table.remarks}
                for table in tables
            ],
            **more,
        }
        json_file.write_text(json.dumps(record, indent=1) + "\n")
    return 1 if missed else 0
