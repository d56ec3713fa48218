"""Whether a stored value may be served: a pure decision, with `now` and the draw as arguments."""

from __future__ import annotations

import math
from enum import Enum
from typing import NamedTuple

from afresh.core.entry import NEVER, Facts
from afresh.core.policy import Policy


class Answer(Enum):
    """What may be done with a stored value."""

    FRESH = "fresh"
    STALE = "stale"
    """Serve it, and refresh it in the background."""
    RESERVE = "reserve"
    """Load; serve it only if the load fails."""
    MISS = "miss"


class Verdict(NamedTuple):
    """An answer and its reason: `""`, `early`, `expired`, `invalidated` or `absent`."""

    answer: Answer
    reason: str


ABSENT = Verdict(Answer.MISS, "absent")
FRESH = Verdict(Answer.FRESH, "")


def judge(facts: Facts, policy: Policy, *, now: float, draw: float, marked_for: float | None) -> Verdict:
    """Judge a stored value.

    Args:
        facts: What is known of the value.
        policy: The settings of whoever asks.
        now: Seconds since 1970.
        draw: A random number in [0, 1), for early refresh.
        marked_for: `None` when no tag was marked after the value's stamp; else for how many
            seconds at most it has been so, infinite when that is not known.
    """
    if marked_for is not None:
        if marked_for < policy.stale_after_invalidation and now < facts.hard:
            return Verdict(Answer.STALE, "invalidated")
        return Verdict(Answer.MISS, "invalidated")
    if now < facts.soft:
        if policy.early and _refreshes_early(facts, policy.early, now, draw):
            return Verdict(Answer.STALE, "early")
        return FRESH
    if now < facts.stale_until:
        return Verdict(Answer.STALE, "expired")
    if now < facts.error_until:
        return Verdict(Answer.RESERVE, "expired")
    return Verdict(Answer.MISS, "expired")


class Lives(NamedTuple):
    """The three expiries of a value (see `Facts`), in seconds since 1970."""

    soft: float
    stale_until: float
    error_until: float

    def capped(self, other: Lives) -> Lives:
        """The earlier of each: what was made from a value doesn't outlive it."""
        return Lives(
            min(self.soft, other.soft),
            min(self.stale_until, other.stale_until),
            min(self.error_until, other.error_until),
        )


FOREVER = Lives(NEVER, NEVER, NEVER)


def lives(policy: Policy, *, now: float, draw: float, failed: bool = False) -> Lives:
    """How long a value lives that was loaded at `now`.

    A life is shortened by up to `jitter` of itself. A remembered exception lives for
    `negative_ttl`, and is never served stale.
    """
    ttl = policy.negative_ttl if failed else policy.ttl
    if ttl is None:
        return FOREVER
    soft = now + ttl * (1.0 - policy.jitter * draw)
    if failed:
        return Lives(soft, soft, soft)
    stale_until = soft + policy.stale_while_revalidate
    return Lives(soft, stale_until, max(stale_until, soft + policy.stale_if_error))


_LONGEST_DRAW = 10.0  # -ln(draw) exceeds this once in 22,000 draws: until then no draw is needed


def fresh_until(facts: Facts, policy: Policy) -> float:
    """Before this time a hit needs no thought: the soft expiry, less the window of early refresh."""
    if policy.early and facts.soft != NEVER:
        return facts.soft - facts.cost * policy.early * _LONGEST_DRAW
    return facts.soft


def _refreshes_early(facts: Facts, beta: float, now: float, draw: float) -> bool:
    """XFetch: now - cost * beta * ln(draw) >= expiry."""
    return now - facts.cost * beta * math.log(1.0 - draw) >= facts.soft
