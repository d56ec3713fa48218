"""`python -m bench.django_table [--quick]`: automatic invalidation under each Django, beside two other packages.

Each Django has an environment of its own (`.venv-bench-django-…`, made at the first run). The database is
PostgreSQL, the other packages keep what they cache in Redis.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from afresh.testing.servers import PostgresServer, RedisServer
from bench import environments, measure

DJANGOS = {"4.2": "3.11", "5.2": "3.11", "6.0": "3.13"}
"""The Djangos that are supported, each with a Python that it runs on."""

WHO = ("cacheops", "cachalot", "afresh")
CELLS = (
    "save()", "update()", "bulk_update", "raw SQL", "other program", "row B keeps row A", "column keeps column",
    "late fill",
)  # fmt: skip
RIGHT = {"fresh", "yes"}


def asked(version: str, server: PostgresServer, redis: RedisServer) -> Iterator[dict[str, Any]]:
    """The line of each package under one Django."""
    python = environments.python(DJANGOS[version])
    if python is None:
        print(f"Django {version} is left out: there is no Python {DJANGOS[version]} here")
        return
    made = environments.environment(
        f"bench-django-{version}",
        f"django=={version}.*",
        "django-cacheops",
        "django-cachalot",
        extras="django,postgres,redis",
        python=python,
    )
    for who in WHO:
        url = server.create(f"{who}_{version}")
        command = [made, "-m", "bench.django_table.subject", who, url, redis.url]
        done = subprocess.run(command, cwd=environments.ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{who} under Django {version} failed: {done.stderr.strip().splitlines()[-1]}")
            answers = dict.fromkeys(CELLS, "failed")
            yield {"who": who, "django": version, "answers": answers}
        else:
            yield json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    """Ask everybody, and show the table."""
    options = measure.parser(__doc__)
    given = options.parse_args()
    versions = ["5.2"] if given.quick else list(DJANGOS)
    folder = Path(tempfile.mkdtemp(prefix="afresh-bench-"))
    with PostgresServer(folder) as server, RedisServer(folder) as redis:
        lines = [line for version in versions for line in asked(version, server, redis)]
    print(f"\n{'':34}" + "".join(f"{cell:>{len(cell) + 2}}" for cell in CELLS))
    for line in lines:
        who = f"{line['who']}, Django {line['django']}"
        print(f"{who:34}" + "".join(f"{line['answers'][cell]:>{len(cell) + 2}}" for cell in CELLS))
    table = measure.Table("Cells that are as they should be, of 8")
    for line in lines:
        right = sum(line["answers"][cell] in RIGHT for cell in CELLS)
        goals = [measure.Goal("right", len(CELLS), at_least=True)] if line["who"].startswith("afresh") else []
        table.add(f"{line['who']}, Django {line['django']}", {"right": right}, *goals)
    return measure.finish("django_table", [table], given.json, lines=lines)


if __name__ == "__main__":
    sys.exit(main())
