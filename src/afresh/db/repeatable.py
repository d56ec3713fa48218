"""Whether two executions of a statement ask the same, and whether its rows can be given to two callers."""

from __future__ import annotations

import datetime
import decimal
import re
import uuid
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_EXACT = (int, str, bytes, type(None))  # equal values of one type mean the same to the database
_SPELLED = frozenset({float, decimal.Decimal, datetime.datetime, datetime.date, datetime.time, uuid.UUID})
_UNCHANGEABLE = frozenset({int, complex, str, bytes, bool, type(None), datetime.timedelta, *_SPELLED})
_LOCK = re.compile(r"\bFOR\s+(NO\s+KEY\s+|KEY\s+)?(UPDATE|SHARE)\b", re.IGNORECASE)


def key_of(parameters: Any) -> tuple[Any, ...] | None:
    """Parameters, so that equal ones mean the same to the database: 1, 1.0 and True don't."""
    if isinstance(parameters, Mapping):
        names = tuple(sorted(map(str, parameters)))
        values = key_of([parameters[name] for name in names]) if len(names) == len(parameters) else None
        return None if values is None else (names, *values)
    key: list[Any] = []
    for value in parameters or ():
        kind = type(value)
        if isinstance(value, _EXACT):
            key += (kind, value)
        elif kind in _SPELLED:
            key += (kind, repr(value))
        else:
            return None
    return tuple(key)


@lru_cache(1024)
def locks(sql: str) -> bool:
    """Whether it may lock what it finds: `FOR UPDATE`, `FOR NO KEY UPDATE`, `FOR SHARE`."""
    return _LOCK.search(sql) is not None


def unchangeable(row: Any) -> bool:
    """Whether nobody can change a row, nor what is in it."""
    return type(row) is tuple and all(type(cell) in _UNCHANGEABLE for cell in row)
