"""What a write marks: from its description and the images of rows to tags.

For the old and the new image of each row, and for every shape of the table: `any`, and `all` when the
row came, went or moved, else one tag for each column that changed. What a shape's values were must be
known for that: from the statement, or from images. If it isn't, the whole table is marked. The pieces
of a scale are shapes like others, but when there are too many of them, the scale is marked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, TypeAlias

from afresh.sql.schema.catalogue import Table
from afresh.sql.tags.labels import Labels, Shape, labels
from afresh.sql.tags.reading import MANY_VALUES
from afresh.sql.text.holes import UNKNOWN, Hole, Parameters
from afresh.sql.trees.values import Source, spell
from afresh.sql.trees.writes import COMPUTED, Write

MANY_TAGS = 256
"""A write of more tags of one table marks the table."""

MANY_PIECES = 64
"""A write of more tags of one scale marks the scale."""

Image: TypeAlias = Mapping[str, Any]


class Lost(Exception):
    """A value isn't known: the whole table is marked."""


@dataclass(frozen=True, slots=True)
class Images:
    """Rows before and after a write, as far as somebody looked: column → value.

    Args:
        old: All rows that an UPDATE or DELETE found, or that ON CONFLICT updated.
        new: All rows that an INSERT or UPDATE left, of any of their columns (RETURNING, lastrowid).
    """

    old: Sequence[Image] | None = None
    new: Sequence[Image] | None = None


class Marker:
    """Marks for one write of one text."""

    __slots__ = ("_holes", "_labels", "_rows", "_scales", "_shapes", "_table", "_write")

    def __init__(self, write: Write, holes: Sequence[Hole], database: str) -> None:
        self._write = write
        self._table = write.table
        self._holes = holes
        self._labels: Labels = labels(database, write.table.name)
        self._shapes = self._labels.written_shapes(write.table)
        self._scales = self._labels.scales(write.table)
        self._rows = [each for row in write.rows for each in each_row(row, holes)]

    @property
    def table(self) -> Table:
        """The table that is written."""
        return self._table

    def marks(self, parameters: Parameters, images: Images) -> Collection[str]:
        """The tags that the write marks."""
        try:
            found = self._marks(parameters, images)
        except Lost:
            return self._labels.whole
        return found if len(found) <= MANY_TAGS else self._labels.whole

    def _marks(self, parameters: Parameters, images: Images) -> set[str]:
        write = self._write
        if write.operation == "whole" or not self._table.columns:
            raise Lost
        if write.operation == "update" and write.changed is not None:
            return self._update(write.changed, parameters, images)

        def tags_of(shape: Shape) -> set[str]:
            names = self._names(shape, parameters, images)
            return {name + each for name in names for each in (":any", ":all")}

        return {f"{self._labels.table}:any", f"{self._labels.table}:rows"} | self._each(tags_of)

    def _each(self, tags_of: Callable[[Shape], set[str]]) -> set[str]:
        """The tags of all shapes and scales."""
        found = {tag for shape in self._shapes for tag in tags_of(shape)}
        for scale, levels in self._scales:
            pieces = {tag for shape in levels for tag in tags_of(shape)}
            found |= pieces if len(pieces) <= MANY_PIECES else {scale}
        return found

    def _names(self, shape: Shape, parameters: Parameters, images: Images) -> set[str]:
        """The predicates of one shape under which rows came, went or changed."""
        operation = self._write.operation
        if operation == "insert":
            return self._new(shape, parameters, images)
        if operation == "delete":
            return self._old(shape, parameters, images)
        if operation == "upsert":
            return self._upsert(shape, parameters, images)
        if images.new is None:  # an UPDATE that may change any column
            raise Lost
        return self._old(shape, parameters, images) | _of_images(shape, images.new)

    # INSERT.

    def _new(self, shape: Shape, parameters: Parameters, images: Images) -> set[str]:
        new = images.new
        if new is not None and _complete(shape, new):
            return _of_images(shape, new)
        if not self._rows or self._table.rewritten:
            raise Lost
        extra = new[0] if new is not None and len(new) == len(self._rows) == 1 else {}
        return {self._inserted(shape, row, extra, parameters) for row in self._rows}

    def _inserted(self, shape: Shape, row: Mapping[str, Any], extra: Image, parameters: Parameters) -> str:
        spelled = []
        for column, kind in zip(shape.columns, shape.kinds, strict=True):
            if column in extra:
                spelled.append(_sure(kind.stored(extra[column])))
            else:
                source, value = self._value(column, row, parameters)
                spelled.append(_sure(spell(kind, source, value, stored=True)))
        return shape.spell(spelled)

    def _value(self, column: str, row: Mapping[str, Any], parameters: Parameters) -> tuple[Source, Any]:
        about = self._table.by_name[column]
        if column in row:
            source, get = row[column]
            value = get(parameters)
            unnumbered = about.numbered and (value is None or value == 0)
            return source, UNKNOWN if unnumbered or about.generated else value
        return (
            Source(),
            None if about.default_null and not about.generated and not about.numbered else UNKNOWN,
        )

    # UPDATE and DELETE.

    def _old(self, shape: Shape, parameters: Parameters, images: Images) -> set[str]:
        if images.old is not None and _complete(shape, images.old):
            return _of_images(shape, images.old)
        return {shape.spell(each) for each in self._known(shape, parameters)}

    def _known(self, shape: Shape, parameters: Parameters) -> Iterable[tuple[str, ...]]:
        """The values that the WHERE gives to a shape's columns."""
        columns = []
        for column, kind in zip(shape.columns, shape.kinds, strict=True):
            spelled = (
                self._spelled(kind, source, parameters) for source in self._write.known.get(column, ())
            )
            found = next((each for each in spelled if each is not None), None)
            if found is None:
                raise Lost
            columns.append(found)
        return islice(product(*columns), MANY_TAGS + 1)

    def _spelled(self, kind: Any, source: Source, parameters: Parameters) -> list[str] | None:
        values = [get(parameters) for get in source.getters(self._holes)]
        if source.several:
            if type(values[0]) not in {list, tuple, set, frozenset}:
                return None
            values = list(values[0])
        if len(values) > MANY_VALUES:
            return None
        found = [spell(kind, source, value) for value in values]
        return None if None in found else [each for each in found if each is not None]

    def _update(self, changed: frozenset[str], parameters: Parameters, images: Images) -> set[str]:
        steady = {each for each in changed if not self._table.by_name[each].volatile}
        columns = [f".{each}" for each in changed]
        if steady:
            columns.append(":any")

        def tags_of(shape: Shape) -> set[str]:
            before = self._old(shape, parameters, images)
            if changed.isdisjoint(shape.columns):
                return {name + each for name in before for each in columns}
            after = self._moved(shape, parameters, images)
            return {name + each for name in before | after for each in (":any", ":all")}

        return {self._labels.table + each for each in columns} | self._each(tags_of)

    def _moved(self, shape: Shape, parameters: Parameters, images: Images) -> set[str]:
        """The predicates under which rows are after an UPDATE of a shape's columns."""
        if images.new is not None and _complete(shape, images.new):
            return _of_images(shape, images.new)
        fixed: dict[str, str] = {}
        for column, kind in zip(shape.columns, shape.kinds, strict=True):
            given = self._write.assigned.get(column)
            if given is None:
                continue
            if given is COMPUTED or isinstance(given, str):
                raise Lost
            get = given.getters(self._holes)
            fixed[column] = _sure(spell(kind, given, get[0](parameters), stored=True))
        if len(fixed) == len(shape.columns):
            return {shape.spell([fixed[column] for column in shape.columns])}
        return {
            shape.spell([fixed.get(column, value) for column, value in zip(shape.columns, row, strict=True)])
            for row in self._old_spellings(shape, parameters, images)
        }

    def _old_spellings(self, shape: Shape, parameters: Parameters, images: Images) -> Iterable[Sequence[str]]:
        if images.old is not None and _complete(shape, images.old):
            return [_spellings(shape, row) for row in images.old]
        return self._known(shape, parameters)

    # ON CONFLICT DO UPDATE.

    def _upsert(self, shape: Shape, parameters: Parameters, images: Images) -> set[str]:
        given = self._new(shape, parameters, images)
        assigned, columns = self._write.assigned, set(shape.columns)
        seen = images.new is not None and _complete(shape, images.new)
        if (
            not seen
            and not columns.isdisjoint(assigned)
            and any(assigned.get(each) != each for each in columns)
        ):
            raise Lost
        if columns <= self._write.target and columns.isdisjoint(assigned):
            return given  # the row that was in the way has the same values
        if images.old is None or not _complete(shape, images.old):
            raise Lost
        return given | _of_images(shape, images.old)


def each_row(row: Mapping[str, Any], holes: Sequence[Hole]) -> list[dict[str, Any]]:
    """The rows that a row of the shape stands for, each column with its source and getter."""
    gets: dict[str, tuple[Source, list[Callable[[Parameters], Any]]]] = {}
    for name, source in row.items():
        if source is COMPUTED:
            gets[name] = (Source(), [lambda parameters: UNKNOWN])
        else:
            gets[name] = (source, source.getters(holes))
    count = max([len(each) for _, each in gets.values()], default=1)
    return [
        {name: (source, each[i] if i < len(each) else each[0]) for name, (source, each) in gets.items()}
        for i in range(count)
    ]


def _complete(shape: Shape, rows: Sequence[Image]) -> bool:
    return all(column in row for row in rows for column in shape.columns)


def _of_images(shape: Shape, rows: Sequence[Image]) -> set[str]:
    return {shape.spell(_spellings(shape, row)) for row in rows}


def _spellings(shape: Shape, row: Image) -> list[str]:
    return [_sure(kind.stored(row[column])) for column, kind in zip(shape.columns, shape.kinds, strict=True)]


def _sure(spelled: str | None) -> str:
    if spelled is None:
        raise Lost
    return spelled
