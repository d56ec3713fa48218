"""Says which tests of a contract fail with a backend."""

from __future__ import annotations

import inspect
import itertools
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from afresh.testing.contracts.worlds import Threads


def failing(contract: type, parts: Callable[[], Mapping[str, Any]]) -> set[str]:
    """The tests of a contract that fail with these fixtures, each run with new ones, in threads."""
    failed = set()
    for name, test in inspect.getmembers(contract, inspect.isfunction):
        if name.startswith("test_"):
            for parameters in _parametrized(test):
                try:
                    _call(test, contract(), {**parts(), **parameters})
                except Exception:
                    failed.add(name)
    return failed


def _call(test: Callable[..., None], suite: object, fixtures: Mapping[str, Any]) -> None:
    fixtures = {"world": Threads(), "now": time.time, **fixtures}
    wanted = list(inspect.signature(test).parameters)[1:]
    test(suite, **{name: fixtures[name] for name in wanted})


def _parametrized(test: Callable[..., None]) -> Iterator[dict[str, Any]]:
    axes = []
    for mark in getattr(test, "pytestmark", []):
        names = mark.args[0] if not isinstance(mark.args[0], str) else re.split(r"\s*,\s*", mark.args[0])
        rows = [row if len(names) > 1 else (row,) for row in mark.args[1]]
        axes.append([dict(zip(names, row, strict=True)) for row in rows])
    for choice in itertools.product(*axes):
        yield {name: value for part in choice for name, value in part.items()}
