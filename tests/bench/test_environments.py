"""Environments of benchmarks: which Python they are made of."""

from __future__ import annotations

import sys

from bench.django_table import __main__ as table

from bench import environments


def test_this_python_and_one_that_nobody_has() -> None:
    assert environments.python(f"{sys.version_info[0]}.{sys.version_info[1]}") == sys.executable
    assert environments.python("3.0") is None


def test_the_table_has_the_columns_that_are_asked() -> None:
    from bench.django_table import cells

    assert tuple(cells.CELLS) == table.CELLS
    assert set(cells.GOAL.values()) == table.RIGHT
