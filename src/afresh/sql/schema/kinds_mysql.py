"""MySQL's kinds: text compares without case, and often without accents, unless its collation is binary.

Only text of plain ASCII letters, digits, `_`, `-`, `.` and blanks inside is spelled: two of those are
equal under the collations named here exactly when they are equal in lower case. All other text is
uncertain, so that `á`, which may equal `a`, marks the whole table.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from afresh.core.keys import canonical
from afresh.sql.schema.kinds import BYTES, INTEGER, NULL, OPAQUE, Kind

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+( [A-Za-z0-9_.-]+)*")
_FOLDED = re.compile(r"(utf8|utf8mb3|utf8mb4)_(general_ci|unicode_ci|unicode_520_ci|0900_ai_ci|0900_as_ci)")
_BINARY = re.compile(r"(ascii|latin1|utf8|utf8mb3|utf8mb4)_(0900_)?bin")


def mysql_text(length: int | None, collation: str) -> Kind:
    """Text of at most `length` characters under a collation."""
    if _BINARY.fullmatch(collation):
        return _kind(f"mysql {collation}", length, lambda text: text.rstrip(" "))
    if _FOLDED.fullmatch(collation):
        return _kind(
            f"mysql {collation}", length, lambda text: text.lower() if _PLAIN.fullmatch(text) else None
        )
    return OPAQUE


def _kind(name: str, length: int | None, fold: Any) -> Kind:
    def compared(value: Any) -> str | None:
        if value is None:
            return NULL
        folded = fold(value) if type(value) is str else None
        return None if folded is None else canonical(folded)

    def stored(value: Any) -> str | None:
        return None if type(value) is str and length is not None and len(value) > length else compared(value)

    return Kind(name, compared, stored)


def mysql_integer(bits: int, *, unsigned: bool = False) -> Kind:
    """Integers; what is outside of the range may be refused or moved to its end, so it is uncertain."""
    lowest, highest = (0, 2**bits) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1))

    def stored(value: Any) -> str | None:
        spelled = INTEGER.compared(value)
        return spelled if spelled in {None, NULL} or lowest <= int(str(spelled)) < highest else None

    return Kind("integer", INTEGER.compared, stored)


def mysql_datetime(precision: int) -> Kind:
    """`DATETIME(precision)`, without a time zone."""

    def compared(value: Any) -> str | None:
        if value is None:
            return NULL
        return canonical(value) if type(value) is datetime and value.tzinfo is None else None

    def stored(value: Any) -> str | None:
        fine = type(value) is datetime and value.microsecond % 10 ** (6 - precision)
        return None if fine else compared(value)

    return Kind("mysql datetime", compared, stored)


MYSQL_BYTES = BYTES
