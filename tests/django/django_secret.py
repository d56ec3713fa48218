"""A project's secret for the tests of its caches: a fixture of both rooms that open them."""

from __future__ import annotations

import pytest
from django.test import override_settings

from afresh.django.cache.opening import OPENED

SECRET = "the secret of these tests, long enough"


@pytest.fixture(autouse=True)
def secret():
    """A secret that is long enough; caches that were opened with another are closed."""
    with override_settings(SECRET_KEY=SECRET):
        yield
    OPENED.close()
