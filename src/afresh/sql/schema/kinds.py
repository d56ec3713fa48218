"""How the values of a column are spelled in tags: one spelling for all that the database calls equal.

A predicate becomes a tag only when its value is certain. `compared` spells what stands beside `=`,
`stored` what a row holds after the value was written. Both answer None when they are not certain:
then a reader depends on the whole table, and a write marks it. Spelling too coarsely (two unequal
values alike) costs a needless reload; too finely would cost a missed one, so when in doubt: None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from afresh.core.keys import canonical
from afresh.sql.tags.scales import DAYS, INSTANTS, NUMBERS, Scale

Speller: TypeAlias = Callable[[Any], "str | None"]

NULL = canonical(None)
EXACT = 2**53
"""Integers up to here are floats exactly; beyond, databases compare by rounding."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UUID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Kind:
    """A type together with a collation: columns of one kind compare by equality of spellings.

    Args:
        name: Kinds are equal by their names.
        compared: Spells a value that stands beside `=`.
        stored: Spells what a row holds once this value was written to it.
        native: The Python type whose values a cast to this type leaves as they are.
        casts: Types to which a cast changes nothing in a native value.
        scale: How its values are ordered; None if that is not known, or no use.
    """

    name: str
    compared: Speller
    stored: Speller
    native: type | None = None
    casts: frozenset[str] = frozenset()
    scale: Scale | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kind) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


def _never(value: Any) -> str | None:
    return NULL if value is None else None


def _integer(value: Any) -> str | None:
    kind = type(value)
    if kind is int:
        return repr(value) if -(2**63) <= value < 2**63 else None
    if kind is bool:
        return repr(int(value))
    if value is None:
        return NULL
    if kind is str:
        return repr(int(value)) if _INTEGER.fullmatch(value) else None
    if kind is Decimal and not value.is_finite():
        return None
    if kind is float or kind is Decimal:
        return repr(int(value)) if -EXACT < value < EXACT and value == int(value) else None
    return None


def _text(value: Any) -> str | None:
    return canonical(value) if type(value) is str or value is None else None


def _bytes(value: Any) -> str | None:
    if type(value) in {bytes, bytearray, memoryview}:
        return canonical(bytes(value))
    return _never(value)


def _numeric(value: Any) -> str | None:
    kind = type(value)
    if kind is str and _DECIMAL.fullmatch(value):
        return canonical(Decimal(value))
    if kind is Decimal:
        return canonical(value) if value.is_finite() and abs(value.adjusted()) < 100 else None
    if kind is int:
        return canonical(value) if abs(value) < 10**30 else None
    if kind is float:  # 1.1 is the nearest float to a database's float, and not its numeric 1.1
        return _integer(value)
    return _never(value)


def _float(value: Any) -> str | None:
    if type(value) is float:
        return canonical(value)
    if type(value) is int and abs(value) <= EXACT:
        return canonical(float(value))
    return _never(value)


def _boolean(value: Any) -> str | None:
    return canonical(value) if type(value) is bool else _never(value)


def _date(value: Any) -> str | None:
    if type(value) is date:
        return canonical(value)
    if type(value) is str and _DATE.fullmatch(value):
        try:
            return canonical(date.fromisoformat(value))
        except ValueError:
            return None
    return _never(value)


def _timestamp(value: Any) -> str | None:
    if type(value) is datetime and value.tzinfo is None:
        return canonical(value.replace(fold=0))
    return _never(value)


def _instant(value: Any) -> str | None:
    if type(value) is datetime and value.utcoffset() is not None:
        return canonical(value)
    return _never(value)


def _uuid(value: Any) -> str | None:
    if type(value) is UUID:
        return canonical(value)
    if type(value) is str and _UUID.fullmatch(value):
        return canonical(UUID(value))
    return _never(value)


def _same(
    name: str, speller: Speller, native: type | None = None, casts: str = "", scale: Scale | None = None
) -> Kind:
    return Kind(name, speller, speller, native, frozenset(casts.split()), scale)


OPAQUE = _same("opaque", _never)
"""Nothing is known of how its values compare, so it makes no tags."""

INTEGER = _same("integer", _integer, int, "INT BIGINT SMALLINT", NUMBERS)
TEXT = _same("text", _text, str, "TEXT VARCHAR")
"""Text that compares character by character (PostgreSQL's deterministic collations)."""

BYTES = _same("bytes", _bytes, bytes, "VARBINARY BINARY")
FLOAT = _same("float", _float, float, "DOUBLE", NUMBERS)
BOOLEAN = _same("boolean", _boolean, bool, "BOOLEAN")
DATE = _same("date", _date, date, "DATE", DAYS)
TIMESTAMP = _same("timestamp", _timestamp, datetime, "TIMESTAMP", DAYS)
TIMESTAMPTZ = _same("timestamptz", _instant, datetime, "TIMESTAMPTZ", INSTANTS)
UUIDS = _same("uuid", _uuid, UUID, "UUID")


def varchar(length: int | None) -> Kind:
    """Text of at most `length` characters: what is longer is refused, or cut, so it is uncertain."""
    if length is None:
        return TEXT

    def stored(value: Any) -> str | None:
        return None if type(value) is str and len(value) > length else _text(value)

    return Kind("text", _text, stored, str, TEXT.casts)


def char(length: int) -> Kind:
    """Text padded with blanks, which make no difference."""

    def compared(value: Any) -> str | None:
        return canonical(value.rstrip(" ")) if type(value) is str else _never(value)

    def stored(value: Any) -> str | None:
        return None if type(value) is str and len(value) > length else compared(value)

    return Kind("char", compared, stored)


def numeric(scale: int | None = None) -> Kind:
    """Exact decimals; a value of more than `scale` places is rounded when stored, so it is uncertain."""

    def stored(value: Any) -> str | None:
        spelled = _numeric(value)
        if spelled is None or scale is None or value is None or type(value) is int:
            return spelled
        exact = Decimal(value).normalize().as_tuple().exponent
        return spelled if isinstance(exact, int) and -exact <= scale else None

    return Kind("numeric", _numeric, stored, Decimal, frozenset({"DECIMAL"}), NUMBERS)


def timestamp(precision: int, *, zone: bool = False) -> Kind:
    """Times that keep `precision` digits of a second: finer ones are rounded when stored."""
    plain = TIMESTAMPTZ if zone else TIMESTAMP

    def stored(value: Any) -> str | None:
        if type(value) is datetime and value.microsecond % 10 ** (6 - min(precision, 6)):
            return None
        return plain.stored(value)

    return Kind(plain.name, plain.compared, stored, scale=plain.scale)
