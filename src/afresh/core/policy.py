"""How long a value may live, and what may be served instead of it: one frozen value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypedDict, Unpack

from afresh.core.durations import Duration, seconds
from afresh.errors import ConfigurationError


class PolicyOptions(TypedDict, total=False):
    """What `Policy`, `@cache.cached` and `get_or_load` take by keyword."""

    ttl: Duration | None
    stale_while_revalidate: Duration | None
    stale_if_error: Duration | None
    stale_after_invalidation: Duration | None
    jitter: float
    early: float
    negative_ttl: Duration | None
    negative: type[Exception] | Iterable[type[Exception]]
    soft_deadline: Duration | None
    hard_deadline: Duration | None
    copy: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of an entry. Make one with `Policy.of(ttl="5m", …)`; all times are seconds.

    Attributes:
        ttl: Life of a value; `None` has no limit.
        stale_while_revalidate: After `ttl`, for so long the old value is served while one
            caller's refresh runs in the background (RFC 5861, section 3).
        stale_if_error: After `ttl`, for so long the old value is served when a load fails
            (RFC 5861, section 4).
        stale_after_invalidation: For so long after an invalidation the old value is served while
            a refresh runs. 0, the default, never serves an invalidated value.
        jitter: Fraction of `ttl`, 0 to 1, by which lives are shortened at random, so that what
            was stored together does not expire together.
        early: Weight β of probabilistic early refresh (XFetch: Vattani, Chierichetti, Lowenstein,
            "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015); 0 is off, 1 is usual.
        negative_ttl: For so long an exception of a type in `negative` is remembered and raised
            again; `None`: exceptions are not cached.
        negative: The types of exceptions that `negative_ttl` remembers.
        soft_deadline: A load that takes longer goes on in the background, and the caller gets the
            old value, where `stale_if_error` still allows it.
        hard_deadline: A load that takes longer raises `LoadTimeout`.
        copy: Hand out a private copy of the value instead of the stored object.
    """

    ttl: float | None = None
    stale_while_revalidate: float = 0.0
    stale_if_error: float = 0.0
    stale_after_invalidation: float = 0.0
    jitter: float = 0.0
    early: float = 0.0
    negative_ttl: float | None = None
    negative: tuple[type[Exception], ...] = (Exception,)
    soft_deadline: float | None = None
    hard_deadline: float | None = None
    copy: bool = False

    @classmethod
    def of(cls, **options: Unpack[PolicyOptions]) -> Policy:
        """Build a policy from durations as people write them.

        Raises:
            ConfigurationError: An option is unknown or its value makes no sense.
        """
        return cls().replace(**options)

    def replace(self, **options: Unpack[PolicyOptions]) -> Policy:
        """Return this policy with some settings changed (see `of`)."""
        merged = {each.name: getattr(self, each.name) for each in fields(self)}
        merged.update(_normalised(options))
        return Policy(**merged)

    def check_strict(self) -> None:
        """Refuse what `consistency="strict"` rules out.

        Raises:
            ConfigurationError: It may serve what was invalidated.
        """
        if self.stale_after_invalidation:
            raise ConfigurationError(
                'stale_after_invalidation= serves what was invalidated, which consistency="strict" never '
                "does: leave one of them out."
            )

    def __post_init__(self) -> None:
        self._check_kinds()
        if not 0.0 <= self.jitter <= 1.0:
            raise ConfigurationError(f"jitter={self.jitter!r}: give a fraction from 0 to 1 (0.1 is usual).")
        if not 0.0 <= self.early < math.inf:
            raise ConfigurationError(f"early={self.early!r}: give a weight of 0 (off) or more (1 is usual).")
        if self.ttl is None and (self.stale_while_revalidate or self.stale_if_error or self.early):
            raise ConfigurationError(
                "stale_while_revalidate, stale_if_error and early begin when a value expires: "
                "give a ttl too, or leave them out."
            )
        soft, hard = self.soft_deadline, self.hard_deadline
        if soft is not None and hard is not None and soft > hard:
            raise ConfigurationError(
                f"soft_deadline={soft!r} would come after hard_deadline={hard!r}: make it the shorter one."
            )

    def _check_kinds(self) -> None:
        for name in _NUMBERS:
            value = getattr(self, name)
            if value is None and name in _OPTIONAL:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ConfigurationError(_ADVICE.format(name=name, value=value))
        if not isinstance(self.copy, bool):
            raise ConfigurationError(f"copy={self.copy!r}: give True or False.")


_NAMES = {each.name for each in fields(Policy)}
_PLAIN = {"jitter", "early", "copy"}
_NUMBERS = sorted(_NAMES - {"copy", "negative"})
_ADVICE = "{name}={value!r} is not a number (durations as text are for Policy.of, not for Policy)."
_OPTIONAL = {"ttl", "negative_ttl", "soft_deadline", "hard_deadline"}


def _normalised(options: Mapping[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for name, value in options.items():
        if name not in _NAMES:
            raise ConfigurationError(
                f"{name!r} is not a setting of a policy: there are {', '.join(sorted(_NAMES))}."
            )
        if name == "negative":
            known[name] = _exceptions(value)
        elif name in _PLAIN:
            known[name] = value
        elif value is None:
            known[name] = None if name in _OPTIONAL else 0.0
        else:
            known[name] = seconds(value, name)
    return known


def _exceptions(given: object) -> tuple[type[Exception], ...]:
    kinds = tuple(given) if isinstance(given, Iterable) and not isinstance(given, type) else (given,)
    if not all(isinstance(kind, type) and issubclass(kind, Exception) for kind in kinds):
        raise ConfigurationError(
            f"negative={given!r}: give a type of exceptions, negative=LookupError, or a list of them."
        )
    return kinds
