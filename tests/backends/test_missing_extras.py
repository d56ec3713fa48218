"""A place that takes a package which isn't installed: the error says which, and how to get it."""

from __future__ import annotations

import sys

import pytest

from afresh import Cache
from afresh.errors import ConfigurationError


@pytest.mark.parametrize("missing", ["hiredis", "redis"])
@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1", "valkey://127.0.0.1:1", "redis+sentinel://127.0.0.1:1/name/0"]
)
def test_redis_without_its_packages(monkeypatch: pytest.MonkeyPatch, missing: str, url: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigurationError, match=rf"{missing}.*pip install 'afresh\[redis\]'"):
        Cache(url)
