"""`python -m bench.dropin [--quick] [--only django-redis]`: the switch under load, of both libraries.

A store that theirs has filled is read by ours: the hit ratio holds, and no value is wrong. Then workers
of both run side by side, and each writes what the other reads; then they change places.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from afresh.testing.servers import RedisServer
from bench.environments import environment

WORKER = Path(__file__).with_name("worker.py")
ANSWERS = Path(__file__).with_name("answers.py")
PATIENT = {"SOCKET_TIMEOUT": 5}


class Library(NamedTuple):
    """One whose place is taken: its dotted path, ours, and what its environment needs."""

    theirs: str
    ours: str
    requirements: tuple[str, ...]


LIBRARIES = {
    "django-redis": Library(
        "django_redis.cache.RedisCache",
        "afresh.django.dropin.django_redis.RedisCache",
        ("django-redis==7.0.0", "django>=5.2,<5.3"),
    ),
    "django-redis-cache": Library(
        "redis_cache.RedisCache",
        "afresh.django.dropin.redis_cache.RedisCache",
        ("django-redis-cache==3.0.1", "redis<4", "django>=5.2,<5.3"),
    ),
}


def started(
    python: str, backend: str, url: str, options: dict[str, object], *task: str
) -> subprocess.Popen[str]:
    """A worker."""
    command = [python, str(WORKER), backend, url, json.dumps(options), *task]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def seen(worker: subprocess.Popen[str]) -> dict[str, int]:
    """What a worker counted."""
    out, _ = worker.communicate(timeout=300)
    if worker.returncode:
        raise SystemExit(f"a worker failed: {worker.args}")
    return json.loads(out)


def switched(library: Library, python: str, url: str, seconds: float) -> dict[str, dict[str, int]]:
    """All phases; what was seen in each."""
    theirs = (python, library.theirs, url, PATIENT)
    ours = (sys.executable, library.ours, url, {**PATIENT, "OLD_PICKLES": []})
    seen(started(*theirs, "fill"))
    found = {"theirs, warm": seen(started(*theirs, "read")), "ours, on theirs": seen(started(*ours, "read"))}
    for parity in (0, 1):
        pair = [
            started(*each, "both", str(place ^ parity), str(seconds))
            for place, each in enumerate((theirs, ours))
        ]
        for name, worker in zip(("theirs", "ours"), pair, strict=True):
            found[f"{name}, side by side, {parity + 1}"] = seen(worker)
    found["ours, at the end"] = seen(started(*ours, "read"))
    return found


def differing(library: Library, python: str, url: str) -> list[str]:
    """The methods that don't answer as theirs."""
    found = []
    for who, interpreter, backend in (("t", python, library.theirs), ("o", sys.executable, library.ours)):
        command = [interpreter, str(ANSWERS), backend, url, json.dumps(PATIENT), who]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found.append(json.loads(done.stdout))
    theirs, ours = found
    return [method for method in theirs if theirs[method] != ours[method]]


def main() -> int:
    """Print what was seen; 1 if a value was wrong or the hit ratio didn't hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=LIBRARIES)
    parser.add_argument("--here", action="store_true", help="theirs is in this environment, beside ours")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures in this file")
    asked = parser.parse_args()
    rows: list[dict[str, object]] = []
    for name, library in LIBRARIES.items():
        if asked.only in {None, name}:
            python = (
                sys.executable if asked.here else environment(f"bench-dropin-{name}", *library.requirements)
            )
            with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
                found = switched(library, python, server.url, 1.0 if asked.quick else 20.0)
                if name == "django-redis-cache":  # tests ask the other, which can be installed beside ours
                    others = differing(library, python, server.url)
                    print(f"{name:20} methods that answer otherwise: {', '.join(others) or 'none'}")
                    rows.append({"library": name, "phase": "methods", "met": not others})
            for phase, counts in found.items():
                ratio = counts["hits"] / (counts["hits"] + counts["misses"])
                print(f"{name:20} {phase:24} hit ratio {ratio:6.1%}  {counts}")
                idle = "side" in phase and not counts["writes"]
                bad = idle or counts["wrong"] > 0 or (phase.startswith("ours") and counts["misses"] > 0)
                rows.append({"library": name, "phase": phase, **counts, "met": not bad})
    if asked.json:
        asked.json.write_text(json.dumps({"rows": rows}))
    return 0 if all(row["met"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
