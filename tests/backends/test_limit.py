"""The setting that bounds a memory store."""

from __future__ import annotations

import pytest

from afresh.backends.memory.limit import Limit
from afresh.errors import ConfigurationError


@pytest.mark.parametrize(
    ("setting", "most", "in_bytes"),
    [
        (1, 1, False),
        (10_000, 10_000, False),
        ("64MB", 64_000_000, True),
        ("512KiB", 524_288, True),
        (" 1.5 gib ", 1_610_612_736, True),
        ("2GB", 2_000_000_000, True),
        ("900b", 900, True),
    ],
)
def test_what_can_be_written(setting: int | str, most: int, in_bytes: bool) -> None:
    assert Limit.of(setting) == Limit(most, in_bytes)


@pytest.mark.parametrize(
    "setting", [0, -5, True, False, "64", "", "MB", "0MB", "-1MB", "64 mbit", "1e6", 1.5, None]
)
def test_anything_else_is_refused_with_the_fix(setting: object) -> None:
    with pytest.raises(ConfigurationError, match=r"l1=.*Write a positive number of entries.*64MB"):
        Limit.of(setting)  # type: ignore[arg-type]


def test_the_message_names_the_setting() -> None:
    with pytest.raises(ConfigurationError, match=r"^room='x'"):
        Limit.of("x", "room")
