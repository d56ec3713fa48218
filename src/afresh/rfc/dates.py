"""Dates of HTTP: all three formats are read, the first is written (RFC 9110 §5.6.7)."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

_DAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_MONTH = {name.lower(): number for number, name in enumerate(_MONTHS, 1)}
_EPOCH = date(1970, 1, 1).toordinal()

_TIME = rb"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
# The name of the day says nothing that the date doesn't, so it isn't compared. Zones other than GMT
# are refused: to guess one would move an expiry by hours.
_FORMATS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rb"[a-z]{3}, (?P<day>\d{2}) (?P<month>[a-z]{3}) (?P<year>\d{4}) " + _TIME + rb" GMT",
        rb"[a-z]{6,9}, (?P<day>\d{2})-(?P<month>[a-z]{3})-(?P<short>\d{2}) " + _TIME + rb" GMT",
        rb"[a-z]{3} (?P<month>[a-z]{3}) (?P<day>[ \d]\d) " + _TIME + rb" (?P<year>\d{4})",
    )
)


def parse_date(value: bytes, *, now: float) -> float | None:
    """Seconds since 1970, or `None` when it is no date of HTTP.

    Args:
        value: IMF-fixdate, RFC 850 or asctime.
        now: A two-digit year that seems more than 50 years ahead of it is in the past.
    """
    for form in _FORMATS:
        found = form.fullmatch(value)
        if found:
            return _seconds(found.groupdict(), now)
    return None


def _seconds(parts: dict[str, bytes], now: float) -> float | None:
    month = _MONTH.get(parts["month"].lower())
    hour, minute, second = int(parts["hour"]), int(parts["minute"]), int(parts["second"])
    if month is None or hour > 23 or minute > 59 or second > 60:
        return None
    year = _full_year(int(parts["short"]), now) if "short" in parts else int(parts["year"])
    try:
        days = date(year, month, int(parts["day"])).toordinal() - _EPOCH
    except ValueError:
        return None
    return float(days * 86_400 + hour * 3_600 + minute * 60 + second)


def _full_year(short: int, now: float) -> int:
    this_year = date.fromordinal(_EPOCH + int(now) // 86_400).year
    year = this_year - this_year % 100 + short
    return year - 100 if year > this_year + 50 else year


@lru_cache(maxsize=64)
def format_date(seconds: int) -> bytes:
    """The date in IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`."""
    days, rest = divmod(seconds, 86_400)
    on = date.fromordinal(_EPOCH + days)
    return b"%s, %02d %s %04d %02d:%02d:%02d GMT" % (
        _DAYS[on.weekday()],
        on.day,
        _MONTHS[on.month - 1],
        on.year,
        rest // 3_600,
        rest % 3_600 // 60,
        rest % 60,
    )
