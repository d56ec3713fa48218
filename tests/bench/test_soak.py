"""scripts/soak: its parts are the suites and all benchmarks, and what it doesn't understand it doesn't run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench import __main__ as main

SOAK = Path(__file__).parent.parent.parent / "scripts" / "soak"


def soak(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SOAK, *arguments], capture_output=True, text=True, check=False)


def test_its_parts_are_the_suites_and_every_benchmark() -> None:
    assert soak("--list").stdout.split() == ["quick-suites", "slow-suites", *main.QUICK]


def test_each_real_application_is_among_them() -> None:
    applications = {f"apps.{each.parent.name}" for each in main.HERE.glob("apps/*/__main__.py")}
    assert applications == {name for name in main.QUICK if name.startswith("apps.")}
    assert len(applications) >= 4


@pytest.mark.parametrize("arguments", [["apps.oscar"], ["--only"]])
def test_parts_that_cannot_be_meant_are_refused_at_once(arguments: list[str]) -> None:
    refused = soak(*arguments)
    assert refused.returncode == 2
    assert "--only" in refused.stderr
