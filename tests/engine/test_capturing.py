"""Which caches take captured writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from afresh import Cache, ConfigurationError
from afresh.engine.changes.capturing import (
    by_ledger,
    engines,
    hears_captured_writes,
    open_before_writes,
    takes_captured_writes,
)


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


def test_a_cache_that_is_owed_is_opened_by_the_first_write() -> None:
    opened: list[Cache] = []
    open_before_writes(lambda: opened.append(Cache("memory://")))
    engines()
    assert opened == []
    mine = [each for group in by_ledger() for each in group if opened and each is opened[0]._engine]
    assert len(mine) == len(opened) == 1
    list(by_ledger())
    assert len(opened) == 1
    opened[0].close()


def test_one_that_can_not_be_opened_is_tried_again() -> None:
    tries: list[int] = []

    def opener() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ConfigurationError("write another URL")

    open_before_writes(opener)
    with pytest.raises(ConfigurationError, match="another URL"):
        list(by_ledger())
    for _ in range(2):
        list(by_ledger())
    assert len(tries) == 2
