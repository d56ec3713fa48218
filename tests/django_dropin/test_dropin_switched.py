"""A warm store of django-redis is read by ours, then workers of both run side by side: what the bench does, small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sizes import size

pytestmark = [pytest.mark.servers, pytest.mark.slow]

ROOT = Path(__file__).parent.parent.parent


def test_a_switch_keeps_the_hits_and_serves_nothing_wrong():
    command = [sys.executable, "-m", "bench.dropin", "--here", "--only", "django-redis"]
    done = subprocess.run(
        [*command, *size(["--quick"], [])], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("'wrong': 0") == 7, done.stdout
