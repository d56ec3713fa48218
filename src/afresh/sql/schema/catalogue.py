"""The catalogue: what is known of a database's schema. Plans are as precise as it is, and never more.

`Schema` is the plain implementation; `afresh.sql.schema.sqlite` and `afresh.sql.schema.postgres`
fill one from the database itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from afresh.sql.schema.kinds import OPAQUE, Kind

Operation: TypeAlias = Literal["insert", "update", "delete"]
Purity: TypeAlias = Literal["pure", "clock", "reads", "unknown"]
"""What a function may do: nothing, ask for the time, read what nobody sees, or anything."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Args:
        name: As the catalogue spells it.
        kind: How its values compare.
        volatile: Changes to it invalidate nothing but who names it; its age is bounded instead.
        generated: The database computes it from other columns.
        numbered: The database numbers rows that are inserted without it (or with NULL or 0).
        default_null: Left out of an INSERT, it is NULL.
        foreign: It refers to a row of another table: nobody asks for a range of it.
    """

    name: str
    kind: Kind = OPAQUE
    volatile: bool = False
    generated: bool = False
    numbered: bool = False
    default_null: bool = False
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """What a write to a table reaches beyond it: a trigger's or a cascade's table, as a whole.

    Args:
        operation: The operation on the table that sets it off.
        table: Name of the table that is reached; None when nobody knows which.
        columns: Only an UPDATE of these sets it off; None for any.
    """

    operation: Operation
    table: str | None
    columns: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Args:
        name: Its name in tags: bare in the default schema, else `schema.name`. A partition has the
            name of its root.
        columns: In their order; empty when they aren't known.
        primary: Columns of the primary key, in its order.
        keys: Column sets that are unique or indexed.
        effects: What triggers and cascades reach.
        rewritten: A row may be stored with other values than the statement gave (a trigger that runs
            before, a rule), so only images of rows are believed.
        guarded: Row security: what a statement sees depends on who asks.
        folded: Columns that a unique index compares in another way than they compare themselves: the row
            that is in the way of an INSERT may have another value.
    """

    name: str
    columns: tuple[Column, ...] = ()
    primary: tuple[str, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    effects: tuple[Effect, ...] = ()
    rewritten: bool = False
    guarded: bool = False
    folded: frozenset[str] = frozenset()
    by_name: Mapping[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {each.name: each for each in self.columns})

    def shapes(self) -> Iterator[tuple[str, ...]]:
        """The column sets that are tags, the most selective first: keys, then indexes.

        The first column of a longer key is one too: joins and filters by it are the usual ones.
        A set with a volatile column is none, since it would move at every change.
        """
        seen: set[frozenset[str]] = set()
        longest = sorted(self.keys, key=lambda key: -len(key))
        for each in (self.primary, *longest, *(key[:1] for key in (self.primary, *longest))):
            if each and frozenset(each) not in seen and all(self._steady(name) for name in each):
                seen.add(frozenset(each))
                yield each

    def ranged(self) -> Iterator[str]:
        """The columns of which ranges are tags: the first ones of indexes that are no rows' numbers."""
        firsts = dict.fromkeys(key[0] for key in self.keys if key and key[0] not in self.primary)
        for column in (self.by_name[name] for name in firsts if self._steady(name)):
            if column.kind.scale is not None and not column.foreign:
                yield column.name

    def _steady(self, name: str) -> bool:
        column = self.by_name.get(name)
        return column is not None and not column.volatile and column.kind.name != OPAQUE.name


@dataclass(frozen=True, slots=True)
class View:
    """A view: its SQL, which is resolved, or the tables that it is made of when that isn't known.

    Args:
        name: Its name, as a table's.
        sql: The SELECT behind it.
        tables: Names of the tables behind it, for when the SQL can't be understood.
        effects: What a write to it reaches (INSTEAD OF triggers).
        path: Schemas in which the bare names of its SQL are looked for; by default its own and the
            default one.
    """

    name: str
    sql: str | None = None
    tables: tuple[str, ...] | None = None
    effects: tuple[Effect, ...] = ()
    path: tuple[str, ...] = ()


class Catalogue(Protocol):
    """What plans ask of the schema. It doesn't change; a change of the schema is another catalogue."""

    complete: bool
    """Whether a name that it doesn't know is none. If False, it is taken for a plain table."""

    default: str
    """The schema whose tables have bare names."""

    def find(self, schema: str, name: str) -> Table | View | None:
        """The table or view of that schema and name, both folded as the dialect folds them."""

    def named(self, name: str) -> Table | View | None:
        """The table or view by its name in tags."""

    def tables(self) -> Iterable[Table]:
        """All tables."""

    def function(self, name: str) -> Purity | None:
        """What a function of this name may do; None when it is not known."""


class Schema:
    """A catalogue of what it is given.

    Args:
        tables: Tables and views. `name` is looked up in the default schema unless it has a dot.
        default: The schema whose tables have bare names.
        complete: Whether names that aren't given are no tables.
        functions: What functions may do, by name.
        roots: Names of partitions, with the name of their root.
        exact: Names differ by case (PostgreSQL's quoted ones).
    """

    def __init__(
        self,
        tables: Iterable[Table | View] = (),
        *,
        default: str = "main",
        complete: bool = True,
        functions: Mapping[str, Purity] | None = None,
        roots: Mapping[str, str] | None = None,
        exact: bool = False,
    ) -> None:
        self.default = default
        self.complete = complete
        self._exact = exact
        self._functions = dict(functions or {})
        self._by_name = {each.name: each for each in tables}
        self._folded = {self._fold(name): each for name, each in self._by_name.items()}
        for partition, root in (roots or {}).items():
            self._folded[self._fold(partition)] = self._by_name[root]

    def _fold(self, name: str) -> str:
        return name if self._exact else name.lower()

    def find(self, schema: str, name: str) -> Table | View | None:
        """The table or view of that schema and name."""
        own = self._fold(schema) == self._fold(self.default)
        return self._folded.get(self._fold(name if own else f"{schema}.{name}"))

    def named(self, name: str) -> Table | View | None:
        """The table or view by its name in tags."""
        return self._by_name.get(name)

    def tables(self) -> Collection[Table]:
        """All tables."""
        return [each for each in self._by_name.values() if isinstance(each, Table)]

    def function(self, name: str) -> Purity | None:
        """What a function of this name may do; None when it is not known."""
        return self._functions.get(name.lower())


NOTHING = Schema(complete=False)
"""Knows no schema: every name is a plain table without columns, keys or triggers."""
