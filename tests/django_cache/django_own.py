"""Django's own tests, from the source distribution of the Django that is installed: fetched, and run in parts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import django

VERSION = django.get_version()
HOME = Path(sys.prefix) / f"django-tests-{VERSION}"
"""Where they are: in the virtual environment, which is no part of the repository."""

WORKER = Path(__file__).parent / "django_own_worker.py"
RUN_FOR = 150.0  # seconds until a run is given up
SUITES = ("cache", "sessions_tests")


def tests() -> Path:
    """The folder of Django's tests, which is fetched the first time."""
    if not HOME.exists():
        with tempfile.TemporaryDirectory() as there:
            fetch = ["download", "--quiet", "--no-deps", "--no-binary", "django", f"django=={VERSION}"]
            subprocess.run(
                [sys.executable, "-m", "pip", *fetch, "--dest", there], check=True, timeout=RUN_FOR
            )
            (archive,) = Path(there).iterdir()
            made = Path(tempfile.mkdtemp(dir=sys.prefix))
            with tarfile.open(archive) as source:
                wanted = [each for each in source.getmembers() if _wanted(each.name)]
                source.extractall(made, wanted, filter="data")
            made.replace(HOME)  # whole or not at all: two runs may fetch at once
    (found,) = HOME.glob("*/tests")
    return found


def _wanted(name: str) -> bool:
    parts = name.split("/")
    return len(parts) > 2 and parts[1] == "tests" and parts[2] in SUITES


class Report(NamedTuple):
    """What came of one suite on one kind of store.

    Attributes:
        ran: How many tests.
        failed: Those that failed, with the end of what was told, and
        skipped: those that were skipped, with the reason.
    """

    ran: int
    failed: dict[str, str]
    skipped: dict[str, str]


PARTS = {"cache": 2, "sessions": 1}


def run(suites: Iterable[tuple[str, str]], folder: Path) -> dict[tuple[str, str], Report]:
    """Run each (suite, LOCATION), all at once and in parts: these tests mostly sleep."""
    there = tests()
    started = {
        (suite, location, part): subprocess.Popen(
            [sys.executable, WORKER, there, suite, location, str(part), str(PARTS[suite])],
            env={**os.environ, "AFRESH_DIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for suite, location in suites
        for part in range(PARTS[suite])
    }
    found: dict[tuple[str, str], Report] = {}
    for (suite, location, _), process in started.items():
        told, trouble = process.communicate(timeout=RUN_FOR)
        assert process.returncode == 0, trouble
        one = Report(**json.loads(told.splitlines()[-1]))
        so_far = found.setdefault((suite, location), Report(0, {}, {}))
        so_far.failed.update(one.failed)
        so_far.skipped.update(one.skipped)
        found[suite, location] = so_far._replace(ran=so_far.ran + one.ran)
    return found
