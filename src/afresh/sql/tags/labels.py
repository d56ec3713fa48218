"""Names of the tags that plans make: the same as `afresh.core.tags` gives to what is written by hand.

A table has, beside `any` and `all` (see there), `rows` (rows came or went) and one tag for each
column: what a reader of few columns without a predicate carries. A shape is a predicate's column
set; the primary key is named as `Row` names it, every other as `Where` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from afresh.sql.schema.catalogue import Table
from afresh.sql.schema.kinds import Kind


@dataclass(frozen=True, slots=True)
class Shape:
    """A column set whose values make tags.

    Args:
        head: What the names of its tags begin with.
        columns: In the order in which their values are spelled.
        labels: What stands before each value: nothing for a row's key, else `column=`.
        kinds: How each value is spelled.
    """

    head: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    kinds: tuple[Kind, ...]

    def spell(self, spelled: Sequence[str]) -> str:
        """The name of a predicate, from the spellings of its values."""
        return self.head + ",".join(
            [label + value for label, value in zip(self.labels, spelled, strict=True)]
        )


@dataclass(frozen=True, slots=True)
class Labels:
    """The names of one table's tags."""

    table: str  # table:db:name
    row: str  # row:db:name:

    @property
    def whole(self) -> tuple[str, str]:
        """What a write of unknown extent marks, and what a reader of everything carries."""
        return f"{self.table}:any", f"{self.table}:all"

    def shape(self, table: Table, columns: Sequence[str], *, key: bool = False) -> Shape:
        """A shape of these columns; `key` names it as `Row` does."""
        ordered = tuple(columns) if key else tuple(sorted(columns, key=lambda name: f"{name}="))
        names = tuple("" if key else f"{name}=" for name in ordered)
        return Shape(self.row, ordered, names, tuple(table.by_name[name].kind for name in ordered))

    def read_shapes(self, table: Table) -> list[Shape]:
        """The shapes that readers look for, the most selective first."""
        return [self.shape(table, each, key=each == table.primary) for each in table.shapes()]

    def written_shapes(self, table: Table) -> list[Shape]:
        """The shapes that writes mark: the primary key by both of its names."""
        shapes = self.read_shapes(table)
        if table.primary and shapes and shapes[0].labels[0] == "":
            shapes.append(self.shape(table, table.primary))
        return shapes

    def scales(self, table: Table) -> list[tuple[str, list[Shape]]]:
        """The scales that writes mark: for each the tag of all its pieces, and its levels."""
        return [(self.scale(name), list(self.pieces(table, name))) for name in table.ranged()]

    def scale(self, column: str) -> str:
        """The tag that every reader of a range of this column carries."""
        return f"{self.row}{column}~:all"

    def pieces(self, table: Table, name: str) -> Iterator[Shape]:
        """The shapes of a column's scale, level by level, the finest first."""
        kind = table.by_name[name].kind
        for level in range(len(kind.scale.widths) if kind.scale else 0):
            spell = _piece(kind, level)
            piece = replace(kind, name=f"{kind.name}~{level}", compared=spell, stored=spell)
            yield Shape(self.row, (name,), (f"{name}~{level}=",), (piece,))


_PIECE = re.compile(r"(row:[^:]*:[^:]*:\w+~)\d+=")


def scale_of(tag: str) -> str | None:
    """Of a piece's tag, that of all pieces. No value is spelled as a piece is."""
    found = _PIECE.match(tag)
    return None if found is None else f"{found.group(1)}:all"


def _piece(kind: Kind, level: int) -> Callable[[Any], str | None]:
    """Spells the piece in which a value lies. NULL is in none of a range's."""
    scale = kind.scale
    assert scale is not None
    place_of, width = scale.place, scale.widths[level]

    def spell(value: Any) -> str | None:
        place = place_of(value)
        return (None if value is not None else "-") if place is None else str(place >> width)

    return spell


def labels(database: str, table: str) -> Labels:
    """The names of a table's tags; the default database has no name."""
    return Labels(f"table:{database}:{table}", f"row:{database}:{table}:")
