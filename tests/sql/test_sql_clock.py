"""Parameters that are the present."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from afresh.sql.text.clock import is_present

HERE = timezone(timedelta(hours=2))
NOW = datetime(2026, 7, 1, 1, 0, 0, tzinfo=HERE)


@pytest.mark.parametrize(
    ("value", "present"),
    [
        (datetime(2026, 6, 30, 23, 0, 1, tzinfo=UTC), True),
        (datetime(2026, 6, 30, 23, 0, 3, tzinfo=UTC), False),
        (datetime(2026, 7, 1, 0, 59, 59), True),
        (datetime(2026, 6, 30, 23, 0, 0), True),
        (datetime(2026, 6, 30, 22, 0, 0), False),
        (date(2026, 7, 1), True),
        (date(2026, 6, 30), True),
        (date(2026, 6, 29), False),
        ("2026-07-01 00:59:59.5", True),
        ("2026-07-01", True),
        ("2025-07-01", False),
        ("2026-99-01", False),
        ("now", True),
        ("nowhere", False),
        ([date(2026, 7, 1)], True),
        (7, False),
        (None, False),
    ],
)
def test_the_present_is_noticed(value, present):
    assert is_present((1, value), NOW) is present
    assert is_present({"a": value}, NOW) is present
