"""`python -m bench [--quick] [--trace PATH ...] [--json DIR]`: all benchmarks, each in a process of its own.

Ends with one table, and exits with 1 when any goal was missed or a benchmark failed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PATIENCE = 7200.0
"""Seconds for one of them; the longest takes a quarter of an hour on a quiet machine."""

QUICK: Mapping[str, Sequence[str]] = {
    "hit_cost": ["--quick"],
    "hit_ratio": ["--requests", "100000"],
    "bytes_per_entry": ["--entries", "100000"],
    "revalidation": ["--quick"],
    "one_load": ["--quick"],
    "shared_file": ["--rounds", "3", "--operations", "1000"],
    "import_time": ["--quick"],
    "late_fill": [],
    "envelopes": ["--quick"],
    "server_hits": ["--quick"],
    "coherence": ["--quick"],
    "trouble": ["--quick"],
    "django_table": ["--quick"],
    "django_backend": ["--quick"],
    "dropin": ["--quick"],
    "oscar": ["--quick"],
    "precision": ["--quick"],
    "recording": ["--quick"],
    "foreign_writes": ["--quick"],
    "sqlite_watching": ["--quick"],
    "http_hits": ["--quick"],
    "edge_freshness": ["--quick"],
    "page_misses": ["--quick"],
    "apps.oscar": ["--quick"],
    "apps.flask_shop": ["--quick"],
    "apps.realworld": ["--quick"],
    "apps.datasette": ["--quick"],
}
"""The benchmarks in the order in which they run, and what makes each of them short."""


@dataclass(frozen=True)
class Outcome:
    """How one benchmark ended."""

    name: str
    status: int
    seconds: float
    goals: Sequence[tuple[str, bool]]

    @property
    def missed(self) -> list[str]:
        """What was missed."""
        return [what for what, met in self.goals if not met]


def run(name: str, arguments: Sequence[str], record: Path, patience: float = PATIENCE) -> Outcome:
    """Run one benchmark; its tables appear as it prints them. One that hangs is ended, and has failed."""
    print(f"\n== {name}", flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", f"bench.{name}", *arguments, "--json", str(record)]
    try:
        status = subprocess.run(command, cwd=HERE.parent, check=False, timeout=patience).returncode
    except subprocess.TimeoutExpired:
        print(f"{name}: ended after {patience:g} s")
        status = 124
    goals = list(judged(json.loads(record.read_text()))) if record.is_file() else []
    return Outcome(name, status, time.monotonic() - began, goals)


def judged(record: Any, where: str = "") -> Iterator[tuple[str, bool]]:
    """Every goal in a benchmark's record: what it is of, and whether it was met."""
    if isinstance(record, dict):
        named = [str(record[name]) for name in ("title", "what", "trace", "part", "goal") if name in record]
        where = ", ".join(filter(None, [where, *named]))
        if isinstance(record.get("met"), bool):
            yield where, record["met"]
        parts = list(record.values())
    else:
        parts = record if isinstance(record, list) else []
    for part in parts:
        yield from judged(part, where)


def summary(outcomes: Sequence[Outcome]) -> int:
    """Print the last table; returns the exit status."""
    print(f"\n{'benchmark':18}{'goals met':>12}{'seconds':>10}")
    for each in outcomes:
        met = f"{len(each.goals) - len(each.missed)} of {len(each.goals)}"
        if not each.goals:  # it keeps no record of them, and says it by its status alone
            met = "no" if each.status else "yes"
        trouble = f"   exit status {each.status}" if each.status and not each.missed else ""
        print(f"{each.name:18}{met:>12}{each.seconds:10.0f}{trouble}")
        for what in each.missed:
            print(f"  MISSED: {what}")
    good = all(each.status == 0 and not each.missed for each in outcomes)
    print("all goals met" if good else "goals were missed")
    return 0 if good else 1


def main() -> int:
    """Run what there is, and say whether every goal was met."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: a look, not a judgement")
    parser.add_argument("--trace", type=Path, nargs="+", default=[], help="traces for hit_ratio")
    parser.add_argument("--json", type=Path, metavar="DIR", help="keep the figures in this folder")
    parser.add_argument("--only", nargs="+", choices=list(QUICK), help="these alone")
    parser.add_argument("--list", action="store_true", help="name them, and run none")
    options = parser.parse_args()
    if options.list:
        print("\n".join(QUICK))
        return 0
    traces = ["--trace", *(str(path.resolve()) for path in options.trace)] if options.trace else []
    with tempfile.TemporaryDirectory() as temporary:
        records = (options.json or Path(temporary)).resolve()
        records.mkdir(parents=True, exist_ok=True)
        outcomes = []
        for name, quick in QUICK.items():
            if (options.only and name not in options.only) or not any(
                HERE.glob(f"{name.replace('.', '/')}*")
            ):
                continue
            record = records / f"{name}.json"
            record.unlink(missing_ok=True)
            arguments = [*(quick if options.quick else []), *(traces if name == "hit_ratio" else [])]
            outcomes.append(run(name, arguments, record))
    return summary(outcomes)


if __name__ == "__main__":
    sys.exit(main())
