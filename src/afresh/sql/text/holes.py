"""Holes: the places of a statement where values stand, literals and parameters alike.

Two statements that differ in values only have one **shape**: the text with numbered holes. A list of
values after IN, of any length, is one hole; so are the rows of VALUES, column by column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

Parameters: TypeAlias = "Sequence[Any] | Mapping[str, Any]"

UNKNOWN: Any = type("Unknown", (), {"__repr__": lambda self: "UNKNOWN"})()
"""A value that can't be told from the statement and its parameters."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the text."""

    value: Any


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that is bound: by its position or its name."""

    key: int | str


Slot: TypeAlias = "Literal | Parameter"


@dataclass(frozen=True, slots=True)
class Hole:
    """One hole: its slots are one, or the members of an IN list, or one for each row of VALUES."""

    slots: tuple[Slot, ...]
    several: bool = False  # an IN list
    rows: bool = False


def getter(slot: Slot) -> Callable[[Parameters], Any]:
    """What takes the value of a slot from the parameters of one execution."""
    if isinstance(slot, Literal):
        value = slot.value
        return lambda parameters: value
    key: Any = slot.key

    def get(parameters: Any) -> Any:
        try:
            return parameters[key]
        except (KeyError, IndexError, TypeError):
            return UNKNOWN

    return get


def number(text: str, dialect: str) -> Any:
    """The value of a number in the text."""
    if text.isdecimal():
        return int(text) if int(text) < 2**63 else UNKNOWN
    if text[:2] in {"0x", "0X"}:
        return UNKNOWN
    if dialect == "sqlite" or "e" in text.lower():
        return float(text)
    return Decimal(text)


def string(text: str, dialect: str, *, replaced: bool) -> Any:
    """The value of a string in the text; unknown where an escape might mean something."""
    body = text[1:-1]
    if ("\\" in body and dialect != "sqlite") or (replaced and "%" in body):
        return UNKNOWN
    quote = text[0]
    return body.replace(quote * 2, quote)
