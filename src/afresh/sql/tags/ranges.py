"""Ranges: the pieces of a column's scale that a reader carries.

The pieces of each level have names of their own, so the tags of a table are as many as its columns
have pieces, whatever is asked for; a reader carries the fewest that cover its range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from afresh.sql.schema.catalogue import Table
from afresh.sql.schema.kinds import Kind
from afresh.sql.tags.labels import Labels
from afresh.sql.text.holes import Hole, Parameters
from afresh.sql.trees.equalities import Bound, Equalities
from afresh.sql.trees.values import Get, Source, certain_in

MANY_PIECES = 128
"""A reader carries at most so many tags of one range: of a longer one, coarser ones."""


@dataclass(frozen=True, slots=True)
class Range:
    """A range by which an occurrence may be named.

    Args:
        kind: Of its column.
        heads: What the names of its pieces begin with, level by level.
        lower: Its lower ends: each holds.
        upper: Its upper ends.
        suffixes: What follows the name of a piece in each of its tags.
        all: The tag of all its pieces.
    """

    kind: Kind
    heads: tuple[str, ...]
    lower: tuple[Source, ...]
    upper: tuple[Source, ...]
    suffixes: tuple[str, ...]
    all: str


def ranges(
    table: Table, number: int, holds: Equalities, names: Labels, suffixes: Callable[[str], tuple[str, ...]]
) -> Iterable[Range]:
    """The ranges of an occurrence's columns that conditions give.

    Args:
        table: Of the occurrence.
        number: Of the occurrence.
        holds: What its conditions say.
        names: Of the table's tags.
        suffixes: Those of a reader, given the column of the range.
    """
    for column in table.ranged():
        bounds = holds.bounds((number, column))
        if bounds:
            heads = tuple(shape.head + shape.labels[0] for shape in names.pieces(table, column))
            kind = table.by_name[column].kind
            yield Range(
                kind, heads, _ends(bounds, True), _ends(bounds, False), suffixes(column), names.scale(column)
            )


def _ends(bounds: Sequence[Bound], lower: bool) -> tuple[Source, ...]:
    return tuple(each.source for each in bounds if each.lower == lower)


def range_reader(
    found: Range, every: str, holes: Sequence[Hole]
) -> Callable[[Parameters], tuple[str, ...] | None] | None:
    """What gives the tags of a range from the parameters, or None where no end is certain."""
    scale = found.kind.scale
    lower, upper = _getters(found.lower, holes), _getters(found.upper, holes)
    if scale is None or not (lower or upper):
        return None
    place, top, most = scale.place, scale.top, MANY_PIECES // len(found.suffixes)
    heads, suffixes, kind, of_all = found.heads, found.suffixes, found.kind, found.all

    @lru_cache(256)
    def covered(low: int, high: int) -> tuple[str, ...]:
        pieces = [f"{heads[level]}{number}" for level, number in scale.cover(low, high, most)]
        return (*[piece + suffix for piece in pieces for suffix in suffixes], of_all, every)

    def end(ends: Sequence[tuple[Source, Get]], parameters: Parameters) -> int | None:
        for source, get in ends:
            value = get(parameters)
            at = place(value) if certain_in(kind, source, value) else None
            if at is not None:
                return at
        return None

    def carried(parameters: Parameters) -> tuple[str, ...] | None:
        low, high = end(lower, parameters), end(upper, parameters)
        if low is None and high is None:
            return None
        return covered(0 if low is None else low, top if high is None else high)

    return carried


def _getters(sources: Sequence[Source], holes: Sequence[Hole]) -> list[tuple[Source, Get]]:
    usable = [
        each
        for each in sources
        if not each.is_list(holes) and not (each.hole is not None and holes[each.hole].rows)
    ]
    return [(each, each.getters(holes)[0]) for each in usable]
