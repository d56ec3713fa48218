"""`python -m bench.oscar [--quick]`: what recording costs on the pages of a real application, django-oscar.

The application has an environment of its own (`.venv-bench-oscar`, made at the first run), its database is
PostgreSQL. Requests alternate, in one process, between a connection that isn't watched (`off`), one that is
(`watched`), one whose reads are recorded as they are for a cached page (`recorded`), and one within
`answered_once()` (`once`); `off again` is the noise. The goal is judged by the processor time of the process: the database's own
time isn't in it, so it is the stricter of the two.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from afresh.testing.servers import PostgresServer
from bench import environments, measure

GOAL = 1.03


def measured(seconds: float) -> dict[str, Any]:
    """The samples of each page, and of a repeated query."""
    made = environments.environment(
        "bench-oscar", "django-oscar==3.2.4", "django==4.2.*", "sorl-thumbnail", "psycopg[binary]"
    )
    with PostgresServer(Path(tempfile.mkdtemp(prefix="afresh-bench-"))) as server:
        command = [made, "-m", "bench.oscar.requests", server.create("oscar"), str(seconds)]
        done = subprocess.run(command, cwd=environments.ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Measure, and judge."""
    given = measure.parser(__doc__).parse_args()
    found = measured(3 if given.quick else 30)
    pages, repeated = found["pages"], found["repeated"]
    cost = measure.Table("Recording on django-oscar's pages: processor time of a request, to `off`")
    wall = measure.Table("The same by the clock on the wall; and what `answered_once()` saves")
    for page, record in pages.items():
        processor, clock = record["processor"], record["wall"]
        goals = [measure.Goal(mode, GOAL) for mode in ("watched", "recorded")]
        figures = {
            "queries": record["queries"],
            "tags": record["dependencies"],
            "off, ms": measure.percentile(processor["off"], 0.5),
            **{mode: measure.ratio(processor, mode, "off") for mode in ("off again", "watched", "recorded")},
        }
        cost.add(page, figures, *goals)
        wall.add(
            page,
            {
                "off, ms": measure.percentile(clock["off"], 0.5),
                **{mode: measure.ratio(clock, mode, "off") for mode in ("watched", "recorded")},
                "repeated queries": record["queries"] - record["different"],
                "once": measure.ratio(clock, "once", "watched"),
            },
        )
    query = measure.Table(
        "A query by its key that was asked before in the same request, by the clock on the wall"
    )
    asked = {"asked, ms": measure.percentile(repeated["asked"], 0.5)}
    query.add(
        "a product", {**asked, "once": measure.ratio(repeated, "once", "asked")}, measure.Goal("once", 0.8)
    )
    return measure.finish("oscar", [cost, wall, query], given.json, samples=found)


if __name__ == "__main__":
    sys.exit(main())
