"""The pytest plugin: `pytest_plugins = ["afresh.probe.plugin"]` in a `conftest.py`.

::

    def test_nobody_gets_what_is_anothers(afresh_probe):
        afresh_probe(app, "/", "/account")          # an ASGI application, or a URL
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from afresh.probe.asking import in_process, over_http
from afresh.probe.running import probe


@pytest.fixture
def afresh_probe() -> Callable[..., None]:
    """Fails the test where one visitor gets what is another's."""

    def check(target: Any, *paths: str, only: tuple[str, ...] = ()) -> None:
        ask = over_http(target) if isinstance(target, str) else in_process(target)
        found = list(probe(ask, paths or ("/",), only=only, draw=random.SystemRandom().random))
        if found:
            lines = [f"  {each.probe} at {each.path}: {each.danger}" for each in found]
            pytest.fail("one visitor gets what is another's:\n" + "\n".join(lines), pytrace=False)

    return check
