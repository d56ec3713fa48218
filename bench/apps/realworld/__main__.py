"""`python -m bench.apps.realworld [--quick]`: the RealWorld application uncached, with a peer, and with afresh.

It has an environment of its own (`.venv-bench-realworld`, made at the first run); its database is PostgreSQL.
Each subject is a process of uvicorn, asked by turns over four connections. Then every page is compared with
the uncached one under random writes, on two workers; and four readers race with five writers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from bench import environments, measure

FASTER = 10.0


def measured(*, quick: bool) -> dict[str, Any]:
    """All figures."""
    made = environments.environment(
        "bench-realworld", "asyncpg", "greenlet", "pyjwt", "uvicorn", "httptools", "uvloop", "fastapi-cache2-fork", "jinja2",
        extras="fastapi,sqlalchemy",
    )  # fmt: skip
    command = [made, "-m", "bench.apps.realworld.run", *(["--quick"] if quick else [])]
    done = subprocess.run(command, cwd=environments.ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def speeds(found: dict[str, Any]) -> measure.Table:
    """How many times faster than uncached, and the queries of a hit."""
    table = measure.Table(
        "A page over four connections: milliseconds uncached, times faster, queries of a hit"
    )
    for page, samples in found["speed"].items():
        figures: dict[str, float] = {"uncached, ms": measure.percentile(samples["uncached"], 0.5)}
        for name in list(samples)[1:]:
            figures[name] = measure.ratio(samples, "uncached", name)
        queries = {name: counts[page] for name, counts in found["queries"].items()}
        figures["queries"] = queries["uncached"][1]
        figures["of a hit"] = queries["afresh, pages"][1]
        figures["operation's"] = queries["afresh, operations"][1]
        goals = [measure.Goal("afresh, pages", FASTER, at_least=True), measure.Goal("of a hit", 1)]
        table.add(page, figures, *goals, measure.Goal("operation's", 1))
    return table


def truths(found: dict[str, Any]) -> list[measure.Table]:
    """What was wrong."""
    oracle = found["oracle"]
    compared = measure.Table(
        "Every page of two workers, compared with the uncached one after each random write"
    )
    figures = {name: oracle[name] for name in ("writes", "compared", "hits")}
    compared.add("afresh, pages", {**figures, "wrong": len(oracle["wrong"])}, measure.Goal("wrong", 0))
    compared.remarks += [*oracle["wrong"][:3], f"AFRESH_SEED={found['seed']}"]
    raced = measure.Table("Five writers and four readers at once: older than what was acknowledged before")
    for name, race in found["race"].items():
        goals = [measure.Goal("stale", 0)] if "afresh" in name else []
        raced.add(name, {each: race[each] for each in ("writes", "reads", "stale")}, *goals)
        if goals:
            raced.remarks += race["first"]
    return [compared, raced]


def main() -> int:
    """Measure, and judge."""
    given = measure.parser(__doc__).parse_args()
    found = measured(quick=given.quick)
    return measure.finish("apps.realworld", [speeds(found), *truths(found)], given.json, samples=found)


if __name__ == "__main__":
    sys.exit(main())
