"""Which caches take captured writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from afresh import Cache, ConfigurationError
from afresh.engine.capturing import by_ledger, engines, hears_captured_writes, takes_captured_writes


def test_open_caches_take_them_unless_they_opt_out() -> None:
    before = len(engines())
    with Cache("memory://") as cache, Cache("memory://", capture=False) as silent:
        assert takes_captured_writes(cache._engine)
        assert not takes_captured_writes(silent._engine)
        assert not hears_captured_writes(silent._engine.ledger)
        assert len(engines()) == before + 1
    assert len(engines()) == before


def test_caches_of_one_ledger_are_one_group(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/folder"
    with Cache(url) as one, Cache(url, namespace="b") as other, Cache("memory://") as third:
        mine = {one._engine, other._engine, third._engine}
        groups = [set(group) for group in by_ledger() if mine & set(group)]
        assert sorted(len(group) for group in groups) == [1, 2]
        with Cache(url, capture=False, namespace="c") as silent:
            assert takes_captured_writes(silent._engine)  # its ledger is told all the same


def test_capture_is_yes_or_no() -> None:
    with pytest.raises(ConfigurationError, match="capture='no': write True or False"):
        Cache("memory://", capture="no")  # type: ignore[arg-type]
