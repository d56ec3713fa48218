"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import timedelta

from afresh.core.durations import Duration, seconds

__all__ = ["FakeClock"]

_START = 1_800_000_000.0  # in 2027: far from 0, where mistakes with durations would pass


class FakeClock:
    """Give it wherever a clock is taken: `Cache("memory://", clock=clock)`.

    Attributes:
        time: Seconds since 1970; assign to set it.
    """

    __slots__ = ("time",)

    def __init__(self, time: float = _START) -> None:
        self.time = time

    def now(self) -> float:
        """Seconds since 1970."""
        return self.time

    def advance(self, duration: Duration | timedelta) -> None:
        """Let time pass: `clock.advance("5m")`.

        Raises:
            ConfigurationError: It is negative; assign `time` to pretend that time runs backwards.
        """
        self.time += seconds(duration, "duration")

    def reach(self, time: float) -> None:
        """Let time pass until `time`, unless it is later already."""
        self.time = max(self.time, time)

    def __repr__(self) -> str:
        return f"FakeClock({self.time!r})"
