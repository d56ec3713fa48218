"""Durations as people write them: `90`, `"90s"`, `"5m"`, `timedelta(minutes=5)`."""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from afresh.errors import ConfigurationError

if TYPE_CHECKING:
    from datetime import timedelta

Duration: TypeAlias = "int | float | timedelta | str"

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_LONGEST = 10**12
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|[smhdw])\s*")


def seconds(value: Duration, setting: str) -> float:
    """Turn a duration into seconds.

    Args:
        value: Seconds, a `timedelta`, or a number with a unit (`ms s m h d w`).
        setting: The name of the setting, for the message of the error.

    Raises:
        ConfigurationError: The value is no duration, is negative or is not finite.
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LONGEST:
        raise ConfigurationError(
            f"{setting}={value!r:.40}… is longer than anything lasts: None means without end."
        )
    if _is_timedelta(value):
        number = value.total_seconds()
    elif isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ConfigurationError(_advice(value, setting))
    elif isinstance(value, str):
        match = _WRITTEN.fullmatch(value)
        if match is None:
            raise ConfigurationError(_advice(value, setting))
        number = float(match[1]) * _UNITS[match[2]]
    else:
        number = float(value)
    if not math.isfinite(number) or number < 0:
        raise ConfigurationError(_advice(value, setting))
    return number


def _is_timedelta(value: object) -> TypeGuard[timedelta]:
    """Who has one has its module: `import afresh` need not load it."""
    datetime = sys.modules.get("datetime")
    return datetime is not None and isinstance(value, datetime.timedelta)


def _advice(value: object, setting: str) -> str:
    return (
        f"{setting}={value!r} is not a duration. Write seconds (300), a timedelta, "
        'or a number with a unit: "500ms", "90s", "5m", "1h", "1d", "2w".'
    )
