"""What a reader carries: from the occurrences of a query, once per shape, to tags, once per execution.

The first half runs when a shape is planned, the second when a text is, and `Reader.carried` on each
execution: two look-ups and a few concatenations for the usual statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product
from typing import Any

from afresh.sql.schema.kinds import Kind, Speller
from afresh.sql.tags.labels import Labels, Shape, labels
from afresh.sql.tags.ranges import Range, range_reader, ranges
from afresh.sql.text.holes import UNKNOWN, Hole, Parameters
from afresh.sql.trees.scopes import Occurrence
from afresh.sql.trees.values import Get, Source, spell

MANY_COLUMNS = 4
"""A reader of more columns than these reads the row: it is told of every change of it."""

MANY_VALUES = 64
"""An IN list of more values than these makes no predicate."""

_SHORT = 64  # characters of a text whose tags are remembered


@dataclass(frozen=True, slots=True)
class Choice:
    """A predicate that an occurrence may be named by.

    Args:
        shape: Its columns.
        sources: Where their values come from.
        suffixes: What follows the predicate's name in each of its tags.
    """

    shape: Shape
    sources: tuple[Source, ...]
    suffixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """One table occurrence of a shape.

    Args:
        table: Name of the table.
        columns: What is read of it; None for all. Volatile ones are left out.
        volatile: Volatile columns are read.
        choices: Its predicates, the most selective first.
        ranges: Those of its columns, for when no predicate is certain.
        whole: What is carried without a predicate.
        all: What every reader of the table carries.
    """

    table: str
    columns: frozenset[str] | None
    volatile: bool
    choices: tuple[Choice, ...]
    ranges: tuple[Range, ...]
    whole: tuple[str, ...]
    all: str


def read_of(occurrence: Occurrence, database: str) -> Read:
    """What a shape says of one occurrence."""
    table = occurrence.table
    names = labels(database, table.name)
    volatile = {column.name for column in table.columns if column.volatile}
    read = {column.name for column in table.columns} if occurrence.everything else occurrence.columns
    columns = None if occurrence.everything and not table.columns else frozenset(read - volatile)
    few = None if occurrence.everything else columns
    every = f"{names.table}:all"
    suffixes = _suffixes(few, ":rows")
    whole = (*(names.table + suffix for suffix in suffixes), every)
    own = occurrence.own if occurrence.plain else None
    choices = tuple(_choices(occurrence, names, few)) if own is not None else ()
    found = (
        ()
        if own is None
        else tuple(
            ranges(
                table, occurrence.number, own, names, lambda column: _suffixes(few and few - {column}, ":all")
            )
        )
    )
    return Read(table.name, columns, bool(read & volatile), choices, found, whole, every)


def _suffixes(columns: frozenset[str] | None, existence: str) -> tuple[str, ...]:
    """The tags of a reader of these columns, after the name of a predicate or of the table."""
    if columns is None or len(columns) > MANY_COLUMNS:
        return (":any",)
    return (*(f".{name}" for name in sorted(columns)), existence)


def _choices(occurrence: Occurrence, names: Labels, columns: frozenset[str] | None) -> Iterable[Choice]:
    own = occurrence.own
    assert own is not None
    for shape in names.read_shapes(occurrence.table):
        known = [own.values((occurrence.number, column)) for column in shape.columns]
        # A row whose key changes leaves the predicate, which marks `all`: the key's columns needn't be named.
        suffixes = _suffixes(columns and columns - set(shape.columns), ":all")
        # Each value of a column holds; a few combinations are enough to find one that can be spelled.
        yield from (Choice(shape, each, suffixes) for each in islice(product(*known), 4))


Carry = Callable[[Parameters], "tuple[str, ...]"]


def reader(reads: Sequence[Read], holes: Sequence[Hole]) -> Carry:
    """What gives the tags of one execution from its parameters."""
    if not reads:
        return lambda parameters: ()
    if len(reads) == 1:
        return _occurrence(reads[0], holes)
    parts = [_occurrence(each, holes) for each in reads]

    def carried(parameters: Parameters) -> tuple[str, ...]:
        return tuple(dict.fromkeys([name for part in parts for name in part(parameters)]))

    return carried


def _occurrence(read: Read, holes: Sequence[Hole]) -> Carry:
    whole = read.whole
    tries = [each for choice in read.choices if (each := _choice(choice, read, holes)) is not None]
    tries += [each for found in read.ranges if (each := range_reader(found, read.all, holes)) is not None]
    if not tries:
        return lambda parameters: whole
    if len(tries) == 1 and (quick := _single(read.choices, tries, read, holes)) is not None:
        return quick

    def carried(parameters: Parameters) -> tuple[str, ...]:
        for each in tries:
            found = each(parameters)
            if found is not None:
                return found
        return whole

    return carried


def _single(
    choices: Sequence[Choice], tries: Sequence[object], read: Read, holes: Sequence[Hole]
) -> Carry | None:
    """The usual case, on the way that is measured: one column equals one bound value."""
    if len(choices) != 1 or len(choices[0].sources) != 1:
        return None
    (source,), shape = choices[0].sources, choices[0].shape
    if source.is_list(holes) or source.cast:
        return None
    (get,) = source.getters(holes)
    head, compared = shape.head + shape.labels[0], shape.kinds[0].compared
    whole, every, suffixes = read.whole, read.all, choices[0].suffixes

    def tags(value: Any) -> tuple[str, ...]:
        spelled = None if value is UNKNOWN else compared(value)
        if spelled is None:
            return whole
        name = head + spelled
        return (*[name + suffix for suffix in suffixes], every)

    def carried(parameters: Parameters) -> tuple[str, ...]:
        value = get(parameters)
        # Texts alone: of other values equal ones may be spelled differently (1, 1.0, True), and a number is quick.
        return _of_text(tags, value) if type(value) is str and len(value) <= _SHORT else tags(value)

    return carried


@lru_cache(8_192)
def _of_text(tags: Callable[[str], tuple[str, ...]], value: str) -> tuple[str, ...]:
    """The tags for a text: to spell one takes longer than to find it, and a page asks for most of them again."""
    return tags(value)


def _choice(
    choice: Choice, read: Read, holes: Sequence[Hole]
) -> Callable[[Parameters], tuple[str, ...] | None] | None:
    several = [source.is_list(holes) for source in choice.sources]
    if sum(several) > 1:
        return None
    for source in choice.sources:
        if source.hole is not None and holes[source.hole].rows:
            return None
    columns = [
        _column(kind, source, holes) for kind, source in zip(choice.shape.kinds, choice.sources, strict=True)
    ]
    spell_name, suffixes, every = choice.shape.spell, choice.suffixes, read.all
    if len(columns) == 1:
        return _of_one_column(choice, columns[0], every)

    def carried(parameters: Parameters) -> tuple[str, ...] | None:
        spelled = []
        for column in columns:
            values = column(parameters)
            if values is None:
                return None
            spelled.append(values)
        names = [spell_name(each) for each in product(*spelled)]
        return (*[name + suffix for name in names for suffix in suffixes], every)

    return carried


def _of_one_column(
    choice: Choice, column: Callable[[Parameters], Sequence[str] | None], every: str
) -> Callable[[Parameters], tuple[str, ...] | None]:
    """The usual case of a list: one column."""
    head, suffixes = choice.shape.head + choice.shape.labels[0], choice.suffixes

    def carried(parameters: Parameters) -> tuple[str, ...] | None:
        values = column(parameters)
        if values is None:
            return None
        return (*[head + value + suffix for value in values for suffix in suffixes], every)

    return carried


def _column(
    kind: Kind, source: Source, holes: Sequence[Hole]
) -> Callable[[Parameters], Sequence[str] | None]:
    """What gives the spellings of a column's values, or None if one isn't certain or there are too many."""
    gets = source.getters(holes)
    if source.several:
        return lambda parameters: _spelled(kind, source, gets[0](parameters))
    if not source.cast and len(gets) <= MANY_VALUES:
        return _plainly(kind.compared, gets)
    return lambda parameters: _all_spelled(kind, source, gets, parameters)


def _plainly(compared: Speller, gets: Sequence[Get]) -> Callable[[Parameters], Sequence[str] | None]:
    def column(parameters: Parameters) -> Sequence[str] | None:
        found: dict[str, None] = {}
        for get in gets:
            value = get(parameters)
            spelled = None if value is UNKNOWN else compared(value)
            if spelled is None:
                return None
            found[spelled] = None
        return list(found)

    return column


def _spelled(kind: Kind, source: Source, values: Any) -> Sequence[str] | None:
    if type(values) not in {list, tuple, set, frozenset} or len(values) > MANY_VALUES:
        return None
    found = [spell(kind, source, value) for value in values]
    return None if None in found else list(dict.fromkeys(each for each in found if each is not None))


def _all_spelled(
    kind: Kind, source: Source, gets: Sequence[Get], parameters: Parameters
) -> Sequence[str] | None:
    if len(gets) > MANY_VALUES:
        return None
    found = [spell(kind, source, get(parameters)) for get in gets]
    return None if None in found else list(dict.fromkeys(each for each in found if each is not None))
