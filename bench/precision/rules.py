"""What others would drop after a write: by table as django-cachalot does, by equality as django-cacheops does.

Their rules, not their code: both are bound to Django. What changed is told to them row by row, so
they are as exact as they can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.precision.reads import Equals, Read

Rows = Mapping[int, Mapping[str, Any]]


def changed(before: Rows, after: Rows) -> list[Mapping[str, Any]]:
    """The old and the new rows that a write took away, brought or changed."""
    numbers = [number for number in before.keys() | after.keys() if before.get(number) != after.get(number)]
    return [rows[number] for rows in (before, after) for number in numbers if number in rows]


def by_table(read: Read, table: str, rows: list[Mapping[str, Any]]) -> bool:
    """Whatever read the table."""
    return bool(rows) and table in read.tables


def by_equality(read: Read, table: str, rows: list[Mapping[str, Any]]) -> bool:
    """Whatever asked for values, by equality, that an old or a new row has."""
    equals = read.equals.get(table)
    return equals is not None and any(_fits(equals, row) for row in rows)


def _fits(equals: Equals, row: Mapping[str, Any]) -> bool:
    return all(row[column] == value for column, value in equals.items())
