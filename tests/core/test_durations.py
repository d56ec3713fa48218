"""Durations as people write them."""

from datetime import timedelta

import pytest

from afresh import ConfigurationError
from afresh.core.durations import seconds


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (5, 5.0),
        (0.5, 0.5),
        (0, 0.0),
        ("500ms", 0.5),
        ("90s", 90.0),
        ("5m", 300.0),
        ("1.5h", 5400.0),
        ("1d", 86400.0),
        ("2w", 1209600.0),
        (" 3 m ", 180.0),
        (timedelta(minutes=2), 120.0),
    ],
)
def test_durations_are_read(written, expected):
    assert seconds(written, "ttl") == expected


@pytest.mark.parametrize(
    "written", ["5", "", "m", "-5s", -1, True, float("nan"), float("inf"), None, "5 min", [5]]
)
def test_what_is_no_duration_is_refused_with_the_fix(written):
    with pytest.raises(ConfigurationError, match=r'ttl=.*"90s"'):
        seconds(written, "ttl")


def test_what_no_float_holds_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="None means without end"):
        seconds(10**400, "ttl")
