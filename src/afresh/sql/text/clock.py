"""Parameters that are the present: a result that was asked for with them won't be asked for again.

An application that asks for `published <= now` gives the time as a parameter. A date or time within
two seconds of now, or today's date, is taken for the clock, and the result ages with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from afresh.sql.text.holes import Parameters
from afresh.sql.text.shape import CLOCK_WORDS

_NEAR = timedelta(seconds=2)


def is_present(parameters: Parameters, now: datetime) -> bool:
    """Whether one of the parameters is the present.

    Args:
        parameters: Of a statement.
        now: The time, with its zone. Times without a zone are compared with it in its own zone and
            in UTC, since applications use both.
    """
    values: Iterable[Any] = parameters.values() if isinstance(parameters, Mapping) else parameters
    return any(_is_present(value, now) for value in values)


def _is_present(value: Any, now: datetime) -> bool:
    if isinstance(value, datetime):
        return any(abs(value - each) <= _NEAR for each in _like(value, now))
    if isinstance(value, date):
        return value in {now.date(), _utc(now).date()}
    if isinstance(value, str):
        return value.strip().lower() in CLOCK_WORDS or _is_text_of(value, now)
    return isinstance(value, list | tuple) and any(_is_present(each, now) for each in value)


def _is_text_of(value: str, now: datetime) -> bool:
    """A time as text, as SQLite keeps it."""
    if not (10 <= len(value) <= 32 and value[4] == "-" and value[7] == "-"):
        return False
    try:
        return _is_present(
            datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value), now
        )
    except ValueError:
        return False


def _utc(now: datetime) -> datetime:
    return now - (now.utcoffset() or timedelta())


def _like(value: datetime, now: datetime) -> Iterable[datetime]:
    """The present, in the ways in which this value may have been made."""
    if value.tzinfo is not None:
        return (now,)
    return now.replace(tzinfo=None), _utc(now).replace(tzinfo=None)
