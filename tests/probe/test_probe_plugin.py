"""The fixture for users' tests."""

from __future__ import annotations

import pytest
from probe_planted import Naive, Planted

from afresh import Cache
from afresh.asgi import CacheMiddleware
from afresh.probe.plugin import afresh_probe  # noqa: F401  as a user's conftest.py has it


def test_it_fails_where_something_is_found(afresh_probe):  # noqa: F811
    with pytest.raises(pytest.fail.Exception, match="cookie at /cookie: what a visitor gets"):
        afresh_probe(Naive(Planted()), "/cookie")


def test_it_passes_where_nothing_is(afresh_probe):  # noqa: F811
    with Cache("memory://") as cache:
        afresh_probe(CacheMiddleware(Planted(), cache=cache), "/cookie", "/host")
