"""Which columns equal which values, or lie between which: equivalence classes of what a condition sets equal.

`a.id = b.a_id AND a.id = 7` says that `b.a_id` is 7 too. Columns are merged only when they are of one
kind, so that equality is equality of spellings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from afresh.sql.schema.kinds import OPAQUE, Kind
from afresh.sql.trees.values import Source

Place: TypeAlias = "tuple[int, str]"
"""A column of an occurrence of a table: the occurrence's number, the column's name."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range; whether the value itself belongs to it makes no difference here."""

    source: Source
    lower: bool


class Equalities:
    """Equivalence classes of columns, each with the values that it equals and those that bound it.

    Args:
        outer: What holds around this scope, and so within it.
    """

    def __init__(self, outer: Equalities | None = None) -> None:
        self._leader: dict[Place, Place] = dict(outer._leader) if outer else {}
        self._values: dict[Place, list[Source]] = (
            {place: list(values) for place, values in outer._values.items()} if outer else {}
        )
        self._bounds: dict[Place, list[Bound]] = (
            {place: list(bounds) for place, bounds in outer._bounds.items()} if outer else {}
        )

    def _find(self, place: Place) -> Place:
        leader = self._leader.get(place, place)
        return leader if leader == place else self._find(leader)

    def equal(self, place: Place, source: Source) -> None:
        """The column equals this value."""
        self._values.setdefault(self._find(place), []).append(source)

    def bounded(self, place: Place, bound: Bound) -> None:
        """The column is not beyond this value."""
        self._bounds.setdefault(self._find(place), []).append(bound)

    def merge(self, one: Place, kind: Kind, other: Place, other_kind: Kind) -> None:
        """Two columns are equal."""
        if kind != other_kind or kind == OPAQUE:
            return
        first, second = self._find(one), self._find(other)
        if first != second:
            self._leader[second] = first
            self._values.setdefault(first, []).extend(self._values.pop(second, []))
            self._bounds.setdefault(first, []).extend(self._bounds.pop(second, []))

    def values(self, place: Place) -> list[Source]:
        """What a column is known to equal; each of them holds."""
        return self._values.get(self._find(place), [])

    def bounds(self, place: Place) -> list[Bound]:
        """The values that a column is known not to be beyond; each of them holds."""
        return self._bounds.get(self._find(place), [])
