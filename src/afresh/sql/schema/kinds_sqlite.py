"""SQLite's kinds: any column holds any value, and an affinity converts what is compared and stored.

The rules are those of "Datatypes In SQLite", sections 3 and 4.2. A column's affinity is applied both
to what is stored in it and to what is compared with it, which is why one speller serves both, except
for REAL. Values of classes that an adapter would convert are uncertain.
"""

from __future__ import annotations

import re
from typing import Any

from afresh.core.keys import canonical
from afresh.sql.schema.kinds import EXACT, NULL, OPAQUE, Kind, Speller
from afresh.sql.tags.scales import DAYS, NUMBERS, Scale, place_of_number, place_of_text

_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")
_NUMBER = re.compile(r"[ \t\n\v\f\r]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t\n\v\f\r]*")
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}

COLLATIONS: dict[str, Any] = {
    "BINARY": lambda text: text,
    "NOCASE": lambda text: text.translate(_LOWER),  # SQLite folds ASCII alone
    "RTRIM": lambda text: text.rstrip(" "),
}


def affinity(declared: str) -> str:
    """The affinity of a declared type: section 3.1, in its order."""
    upper = declared.upper()
    for name, words in (("INTEGER", ("INT",)), ("TEXT", ("CHAR", "CLOB", "TEXT")), ("BLOB", ("BLOB",))):
        if any(word in upper for word in words):
            return name
    if not upper.strip():
        return "BLOB"
    return "REAL" if any(word in upper for word in ("REAL", "FLOA", "DOUB")) else "NUMERIC"


def sqlite_kind(declared: str, collation: str = "BINARY") -> Kind:
    """The kind of a column as it was declared."""
    fold = COLLATIONS.get(collation.upper())
    if fold is None:
        return OPAQUE
    name = affinity(declared)
    spell: Speller = {"TEXT": _text, "BLOB": _as_it_is}.get(name, _number)(fold)
    scale = _scale(name, declared) if collation.upper() == "BINARY" else None
    stored = _rounded(spell) if name == "REAL" else spell
    return Kind(f"sqlite {name} {collation.upper()}", spell, stored, scale=scale)


# Ranges: numbers come before texts, and texts before BLOBs, whatever was declared.


def _scale(name: str, declared: str) -> Scale | None:
    if name in {"TEXT", "BLOB"}:
        return None
    dates = name == "NUMERIC" and any(word in declared.upper() for word in ("DATE", "TIME"))
    return _DATES if dates else _NUMBERS


def _place_of_number(value: Any) -> int | None:
    kind = type(value)
    if kind is int or kind is float or kind is bool:
        finite = value == value and -(2.0**1023) < value < 2.0**1023  # noqa: PLR0124 - NaN
        return place_of_number(float(value)) if finite else None
    if kind is str:
        if _INTEGER.fullmatch(value):
            return place_of_number(float(value))
        return None if "\0" in value or _NUMBER.fullmatch(value) else NUMBERS.top
    return NUMBERS.top if kind is bytes else None


def _place_of_date(value: Any) -> int | None:
    """As applications keep dates and times: in ISO's spelling."""
    kind = type(value)
    if kind is str and "\0" not in value:
        return 0 if _NUMBER.fullmatch(value) else place_of_text(value)
    if kind is int or kind is float or kind is bool:
        return 0 if value == value else None  # noqa: PLR0124 - NaN
    return DAYS.top if kind is bytes else None


_NUMBERS = Scale(_place_of_number, NUMBERS.top, NUMBERS.widths)
_DATES = Scale(_place_of_date, DAYS.top, DAYS.widths)


def _scalar(value: Any) -> str | None:
    """A number, NULL or a BLOB, which no text affinity touches."""
    kind = type(value)
    if kind is int:
        return repr(value) if -(2**63) <= value < 2**63 else None
    if kind is bool:
        return repr(int(value))
    if kind is float:
        return canonical(value) if value == value and abs(value) < 2.0**63 else None  # noqa: PLR0124 - NaN
    if kind is bytes:
        return canonical(value)
    return NULL if value is None else None


def _as_it_is(fold: Any) -> Speller:
    def spell(value: Any) -> str | None:
        return canonical(fold(value)) if type(value) is str and "\0" not in value else _scalar(value)

    return spell


def _text(fold: Any) -> Speller:
    def spell(value: Any) -> str | None:
        kind = type(value)
        if kind is str:
            return canonical(fold(value)) if "\0" not in value else None
        if kind is int or kind is bool:
            return canonical(str(int(value))) if -(2**63) <= value < 2**63 else None
        # A float becomes text in SQLite's own way of writing it.
        return None if kind is float else _scalar(value)

    return spell


def _number(fold: Any) -> Speller:
    def spell(value: Any) -> str | None:
        if type(value) is not str:
            return _scalar(value)
        if _INTEGER.fullmatch(value):
            return repr(int(value))
        if "\0" in value or _NUMBER.fullmatch(value):  # a number in a spelling that isn't ours to convert
            return None
        return canonical(fold(value))

    return spell


def _rounded(spell: Speller) -> Speller:
    def stored(value: Any) -> str | None:
        return None if type(value) is int and abs(value) > EXACT else spell(value)

    return stored
