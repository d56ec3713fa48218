"""What every test shares: a printed seed, so that a failing run can be repeated."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import settings

os.environ.setdefault("AFRESH_SEED", str(random.SystemRandom().randrange(2**31)))

settings.register_profile("afresh", deadline=None)  # the machines are shared: times are bench's business
settings.load_profile("afresh")


def pytest_report_header(config: pytest.Config) -> str:
    return f"AFRESH_SEED={os.environ['AFRESH_SEED']} AFRESH_SIZE={os.environ.get('AFRESH_SIZE', 'small')}"
