"""Sorted sets, as both kinds of workers keep them on the server."""

# ruff: noqa: A002  names are theirs; whose connection `client` is makes no difference here

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from afresh.django.dropin.commands import Commands


class SortedSets(Commands):
    """Methods of django-redis. Members are compared as they are stored; bounds are numbers, `-inf` or `(5`."""

    def zadd(
        self,
        key: Any,
        mapping: Mapping[Any, float],
        nx: bool = False,
        xx: bool = False,
        ch: bool = False,
        incr: bool = False,
        gt: bool = False,
        lt: bool = False,
        version: Any = None,
        client: Any = None,
    ) -> Any:
        """Put members with their scores; says how many are new (`ch`: or changed). With `incr`: the new score."""
        flags = {"NX": nx, "XX": xx, "GT": gt, "LT": lt, "CH": ch, "INCR": incr}
        chosen = [name for name, on in flags.items() if on]
        flat = [part for member, score in mapping.items() for part in (_number(score), self._member(member))]
        return self._command("ZADD", key, *chosen, *flat, version=version)

    def zcard(self, key: Any, version: Any = None, client: Any = None) -> int:
        """How many members there are."""
        return int(self._command("ZCARD", key, version=version) or 0)

    def zcount(self, key: Any, min: Any, max: Any, version: Any = None, client: Any = None) -> int:
        """How many members have a score between two."""
        return int(self._command("ZCOUNT", key, _number(min), _number(max), version=version) or 0)

    def zincrby(self, key: Any, amount: float, value: Any, version: Any = None, client: Any = None) -> Any:
        """Add to a member's score, and return that."""
        return self._command("ZINCRBY", key, _number(amount), self._member(value), version=version)

    def zpopmax(self, key: Any, count: int | None = None, version: Any = None, client: Any = None) -> Any:
        """Take out the member with the highest score, or a list of so many."""
        return self._popped("ZPOPMAX", key, count, version)

    def zpopmin(self, key: Any, count: int | None = None, version: Any = None, client: Any = None) -> Any:
        """Take out the member with the lowest score, or a list of so many."""
        return self._popped("ZPOPMIN", key, count, version)

    def zrange(
        self,
        key: Any,
        start: int,
        end: int,
        desc: bool = False,
        withscores: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
        version: Any = None,
        client: Any = None,
    ) -> list[Any]:
        """The members from one place to another, by their scores."""
        name = "ZREVRANGE" if desc else "ZRANGE"
        more = ["WITHSCORES"] if withscores else []
        return self._listed(
            self._command(name, key, start, end, *more, version=version), withscores, score_cast_func
        )

    def zrevrange(
        self,
        key: Any,
        start: int,
        end: int,
        withscores: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
        version: Any = None,
        client: Any = None,
    ) -> list[Any]:
        """`zrange`, from the highest score down."""
        return self.zrange(key, start, end, True, withscores, score_cast_func, version)

    def zrangebyscore(
        self,
        key: Any,
        min: Any,
        max: Any,
        start: int | None = None,
        num: int | None = None,
        withscores: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
        version: Any = None,
        client: Any = None,
    ) -> list[Any]:
        """The members with a score between two."""
        return self._by_score(
            "ZRANGEBYSCORE", key, min, max, start, num, withscores, score_cast_func, version
        )

    def zrevrangebyscore(
        self,
        key: Any,
        max: Any,
        min: Any,
        start: int | None = None,
        num: int | None = None,
        withscores: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
        version: Any = None,
        client: Any = None,
    ) -> list[Any]:
        """`zrangebyscore`, from the highest score down."""
        return self._by_score(
            "ZREVRANGEBYSCORE", key, max, min, start, num, withscores, score_cast_func, version
        )

    def zrank(
        self, key: Any, value: Any, withscore: bool = False, version: Any = None, client: Any = None
    ) -> Any:
        """The place of a member, the lowest score first; `[place, score]` with `withscore`."""
        place = self._command("ZRANK", key, self._member(value), version=version)
        if place is None or not withscore:
            return place
        return [place, self.zscore(key, value, version=version)]  # Redis before 7.2 gives no score

    def zrem(self, key: Any, *values: Any, version: Any = None, client: Any = None) -> int:
        """Remove members; says how many were there."""
        return int(self._command("ZREM", key, *self._encoded(values, digits=False), version=version) or 0)

    def zremrangebyscore(self, key: Any, min: Any, max: Any, version: Any = None, client: Any = None) -> int:
        """Remove the members with a score between two; says how many there were."""
        return int(self._command("ZREMRANGEBYSCORE", key, _number(min), _number(max), version=version) or 0)

    def zscore(self, key: Any, value: Any, version: Any = None, client: Any = None) -> float | None:
        """The score of a member, or `None`."""
        found = self._command("ZSCORE", key, self._member(value), version=version)
        return None if found is None else float(found)

    def _member(self, value: Any) -> bytes | int:
        return self._form.encode(value, digits=False)

    def _popped(self, name: str, key: Any, count: int | None, version: Any) -> Any:
        found = self._command(name, key, 1 if count is None else count, version=version)
        pairs = self._listed(found, True, float)
        return pairs if count is not None else pairs[0] if pairs else None

    def _by_score(
        self,
        name: str,
        key: Any,
        first: Any,
        last: Any,
        start: int | None,
        num: int | None,
        withscores: bool,
        cast: Callable[[Any], Any],
        version: Any,
    ) -> list[Any]:
        if (start is None) != (num is None):
            raise ValueError("give both start and num, or none of them.")
        more: list[Any] = ["WITHSCORES"] if withscores else []
        if start is not None:
            more += ["LIMIT", start, num]
        found = self._command(name, key, _number(first), _number(last), *more, version=version)
        return self._listed(found, withscores, cast)

    def _listed(self, found: Any, scored: bool, cast: Callable[[Any], Any]) -> list[Any]:
        if not scored:
            return self._decoded(found)
        return [(self._form.decode(member), cast(score)) for member, score in found or ()]


def _number(value: Any) -> str | bytes | int:
    """A score as the server reads it."""
    return (
        value if isinstance(value, (str, bytes, int)) and not isinstance(value, bool) else repr(float(value))
    )
