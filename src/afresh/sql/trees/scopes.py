"""Scopes: what a name means at a place of a statement.

Reading too much is only imprecise, so a name without a table marks every table around that has such a
column. For predicates a name must be certain: `Scope.certain`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from afresh.sql.refusals import Coarse, Refused
from afresh.sql.schema.catalogue import Column, Table
from afresh.sql.trees.equalities import Equalities
from afresh.sql.trees.parse import fold

PSEUDO = frozenset(["rowid", "oid", "_rowid_", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"])
"""Columns that every row has without being declared: who reads one reads the whole row."""


@dataclass(slots=True)
class Occurrence:
    """A table where it stands in a FROM, and what is read of it.

    Args:
        number: Tells it from other occurrences of the statement.
        table: The table.
        nullable: A join may give NULLs in place of its rows.
        plain: Predicates on it may be believed.
    """

    number: int
    table: Table
    nullable: bool = False
    plain: bool = True
    columns: set[str] = field(default_factory=set)
    everything: bool = False
    own: Equalities | None = None  # of the ON of its LEFT JOIN

    def read(self, name: str) -> bool:
        """Read a column; False if there is none of that name."""
        if not self.table.columns or name in PSEUDO:
            self.everything = True
        elif name in self.table.by_name:
            self.columns.add(name)
        else:
            return False
        return True


@dataclass(slots=True)
class Scope:
    """The sources of one SELECT.

    Args:
        dialect: Of the statement.
        parent: The scope around it, whose names it may use.
    """

    dialect: str
    parent: Scope | None = None
    sources: dict[str, Occurrence | None] = field(default_factory=dict)  # None: rows that aren't a table's
    outputs: set[str] = field(default_factory=set)
    holds: Equalities = field(default_factory=Equalities)

    def chain(self) -> Iterator[Scope]:
        """This scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def occurrences(self) -> Iterator[Occurrence]:
        """The tables of this scope itself."""
        yield from (each for each in self.sources.values() if each is not None)

    def add(self, alias: str, source: Occurrence | None) -> None:
        """Give a source its name; a second one of that name makes both uncertain."""
        while alias in self.sources:
            for each in (source, self.sources[alias]):
                if each is not None:
                    each.plain = False
            alias += "'"
        self.sources[alias] = source

    def read(self, column: exp.Column) -> None:
        """Record the reading of a column.

        Raises:
            Refused: There is no such column, as far as the catalogue knows.
            Coarse: There is no such table in this statement.
        """
        qualifier = fold(column.args.get("table"), self.dialect)
        if isinstance(column.this, exp.Star):
            self._read_all(qualifier)
        elif qualifier:
            self._read_of(qualifier, fold(column.this, self.dialect))
        else:
            self._read_somewhere(column, fold(column.this, self.dialect))

    def _source(self, alias: str) -> tuple[bool, Occurrence | None]:
        for scope in self.chain():
            if alias in scope.sources:
                return True, scope.sources[alias]
        return False, None

    def _read_all(self, alias: str) -> None:
        known, source = self._source(alias)
        if not known:
            raise Coarse(f"{alias}.* names no table of it")
        if source is not None:
            source.everything = True

    def _read_of(self, alias: str, name: str) -> None:
        known, source = self._source(alias)
        if not known:
            raise Coarse(f"{alias}.{name} names no table of it")
        if source is not None and not source.read(name):
            raise Refused(f"{source.table.name}.{name} is no column that the catalogue knows")
        while source is not None and f"{alias}'" in self.sources:  # the same alias twice
            alias += "'"
            again = self.sources[alias]
            if again is not None:
                again.read(name)

    def _read_somewhere(self, column: exp.Column, name: str) -> None:
        found = False
        for scope in self.chain():
            found = found or name in scope.outputs
            for alias, source in scope.sources.items():
                if source is None:
                    found = True
                elif alias == name:
                    source.everything = found = True
                elif source.read(name):
                    found = True
        text = self.dialect != "postgres" and bool(column.this.args.get("quoted"))  # SQLite's "text"
        if not found and not text:
            raise Refused(f"{name} is no column that the catalogue knows")

    def certain(self, column: object) -> tuple[Occurrence, Column] | None:
        """The occurrence and the column that a name means, if there is no doubt."""
        if type(column) is not exp.Column or isinstance(column.this, exp.Star):
            return None
        name = fold(column.this, self.dialect)
        qualifier = fold(column.args.get("table"), self.dialect)
        for scope in self.chain():
            if qualifier:
                if qualifier in scope.sources:
                    return _column(scope.sources[qualifier], name)
                continue
            having = [
                each for each in scope.occurrences() if not each.table.columns or name in each.table.by_name
            ]
            if having or None in scope.sources.values():
                sure = len(having) == 1 and None not in scope.sources.values()
                return _column(having[0], name) if sure else None
            if name in PSEUDO:
                return None
        return None


def _column(source: Occurrence | None, name: str) -> tuple[Occurrence, Column] | None:
    if source is None or not source.plain:
        return None
    column = source.table.by_name.get(name)
    return None if column is None else (source, column)
