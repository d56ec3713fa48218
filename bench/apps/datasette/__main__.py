"""`python -m bench.apps.datasette [--quick]`: datasette uncached, behind nginx, and with afresh.

It has an environment of its own (`.venv-bench-datasette`, made at the first run). Each is asked by turns
over four connections; all have one database file. Then this process writes to that, and each page
is compared with the uncached one after each write, twice.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from bench import environments, measure

FASTER = 20.0


def measured(*, quick: bool) -> dict[str, Any]:
    """All figures."""
    made = environments.environment("bench-datasette", "datasette==0.65.5")
    command = [made, "-m", "bench.apps.datasette.run", *(["--quick"] if quick else [])]
    done = subprocess.run(command, cwd=environments.ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Measure, and judge."""
    given = measure.parser(__doc__).parse_args()
    found = measured(quick=given.quick)
    speed = measure.Table("A page over four connections: milliseconds uncached, and times faster")
    for page, samples in found["speed"].items():
        figures = {"uncached, ms": measure.percentile(samples["uncached"], 0.5)}
        for name in list(samples)[1:]:
            figures[name] = measure.ratio(samples, "uncached", name)
        speed.add(page, figures, measure.Goal("afresh", FASTER, at_least=True))
    truth = measure.Table("Each page after each write of another process, compared with the uncached one")
    for name, record in found["compared"].items():
        figures = {each: record[each] for each in ("compared", "hits", "wrong")}
        truth.add(name, figures, *([measure.Goal("wrong", 0)] if name == "afresh" else []))
        if record["first"]:
            truth.remarks.append(f"{name}: {record['first']}, AFRESH_SEED={found['seed']}")
    return measure.finish("apps.datasette", [speed, truth], given.json, samples=found)


if __name__ == "__main__":
    sys.exit(main())
