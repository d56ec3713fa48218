"""What every test shares: a printed seed, so that a failing run can be repeated."""

from __future__ import annotations

import os
import random

import pytest

os.environ.setdefault("AFRESH_SEED", str(random.SystemRandom().randrange(2**31)))


def pytest_report_header(config: pytest.Config) -> str:
    return f"AFRESH_SEED={os.environ['AFRESH_SEED']} AFRESH_SIZE={os.environ.get('AFRESH_SIZE', 'small')}"
