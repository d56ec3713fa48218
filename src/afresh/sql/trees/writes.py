"""What a statement writes: INSERT, UPDATE, DELETE and their kin, from the tree to a description."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from afresh.sql.refusals import Coarse, Refused
from afresh.sql.schema.catalogue import Operation, Table, View
from afresh.sql.schema.effects import EVERY, reached
from afresh.sql.schema.resolve import Names
from afresh.sql.trees.conditions import learn
from afresh.sql.trees.equalities import Equalities
from afresh.sql.trees.occurrences import Walk
from afresh.sql.trees.parse import Node, alias_of, fold
from afresh.sql.trees.scopes import Occurrence, Scope
from afresh.sql.trees.values import Source, source_of

COMPUTED: Any = object()
"""A column is assigned something that only the database computes."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a statement to one table.

    Args:
        table: The table.
        operation: What is done; `upsert` inserts or updates, `whole` is anything.
        changed: Columns that an UPDATE changes; None for any.
        known: Values that the WHERE says the old rows have.
        rows: The rows of VALUES: the source of each column's value.
        assigned: What SET gives: a source, the name of the column of the row that was refused
            (`excluded.x`), or COMPUTED.
        target: Columns of ON CONFLICT's key.
    """

    table: Table
    operation: str
    changed: frozenset[str] | None = None
    known: dict[str, list[Source]] = field(default_factory=dict)
    rows: tuple[dict[str, Any], ...] = ()
    assigned: dict[str, Any] = field(default_factory=dict)
    target: frozenset[str] = frozenset()


@dataclass(slots=True)
class Writes:
    """All writes of a statement.

    Args:
        names: Where tables are looked up.
        found: Writes to tables, as precise as they are known.
        whole: Names of tables of which anything may have changed.
        everything: Any table may have changed; why.
    """

    names: Names
    found: list[Write] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)
    everything: str = ""

    def add(self, tree: Node) -> None:
        """Add the writes of a tree.

        Raises:
            Coarse: Something of it isn't understood.
            Refused: It writes to a table that the catalogue doesn't know.
        """
        for node in _written(tree):
            target = node.this.this if isinstance(node.this, exp.Schema) else node.this
            if not isinstance(target, exp.Table) or not isinstance(target.this, exp.Identifier):
                raise Coarse("what is written isn't understood")
            meant = self.names.find(target)
            if isinstance(node, exp.Merge) or target.args.get("joins") or node.args.get("tables"):
                self._all_of(node)
            elif isinstance(meant, View):
                self._view(meant)
            else:
                self._one(node, meant, target)

    def _one(self, node: Node, table: Table, target: exp.Table) -> None:
        write: Write
        operations: tuple[Operation, ...]
        if isinstance(node, exp.Insert):
            write = insertion(node, table, self.names.dialect)
            operations = {"insert": ("insert",), "upsert": ("insert", "update")}.get(write.operation, EVERY)  # type: ignore[assignment]
        elif isinstance(node, exp.Update):
            write = _update(node, table, target, self.names)
            operations = ("update",)
        else:
            write = Write(table, "delete", known=_known(node, table, target, self.names))
            operations = ("delete",)
        self.found.append(write)
        self._reach(table, operations, write.changed)

    def _reach(
        self, start: Table | View, operations: Sequence[Operation], changed: frozenset[str] | None
    ) -> None:
        further = reached(self.names.catalogue, start, operations, changed)
        if further is None:
            self.everything = self.everything or f"what a trigger of {start.name} does is not known"
        else:
            self.whole |= further

    def touch(self, meant: Table | View) -> None:
        """Anything may have happened to a table, or to those of a view."""
        if isinstance(meant, View):
            self._view(meant)
        else:
            self.whole.add(meant.name)
            self._reach(meant, EVERY, None)

    def _all_of(self, node: Node) -> None:
        for meant in self.names.mentioned(node):
            self.touch(meant)

    def _view(self, view: View) -> None:
        self._reach(view, EVERY, None)
        walk = Walk(self.names, self.names.dialect)
        try:
            walk.whole((view.name,))
        except (Coarse, Refused) as trouble:
            self.everything = self.everything or f"it writes through {view.name}: {trouble.reason}"
            return
        for occurrence in walk.found:
            self.touch(occurrence.table)


def _written(tree: Node) -> Iterator[Node]:
    """The writes in a tree, those inside of a MERGE left out."""
    for node in tree.find_all(exp.Insert, exp.Update, exp.Delete, exp.Merge):
        if isinstance(node, exp.Merge) or node.find_ancestor(exp.Merge) is None:
            yield node


# INSERT.


def insertion(node: exp.Insert, table: Table, dialect: str) -> Write:
    """What an INSERT writes."""
    if node.args.get("overwrite") or str(node.args.get("alternative") or "").upper() == "REPLACE":
        return Write(table, "whole")
    rows = tuple(_rows(node, table, dialect))
    conflict = node.args.get("conflict")
    action = str(conflict.args.get("action") or "").upper() if conflict is not None else ""
    if conflict is None or action.endswith("NOTHING"):
        return Write(table, "insert", rows=rows)
    assigned = _assigned(conflict.expressions, table, dialect)
    keys = conflict.args.get("conflict_keys") or []
    target = {_key(each, dialect) for each in keys}
    usable = assigned is not None and target <= table.by_name.keys() - table.folded
    if not usable or conflict.args.get("duplicate") or conflict.args.get("constraint"):
        target = set()
    if assigned is None:
        return Write(table, "whole")
    return Write(table, "upsert", rows=rows, assigned=assigned, target=frozenset(target))


def _key(node: Node, dialect: str) -> str:
    inner = node.this if isinstance(node, exp.Ordered) else node
    inner = inner.this if isinstance(inner, exp.Column) else inner
    return fold(inner, dialect) if isinstance(inner, exp.Identifier) else "?"


def _rows(node: exp.Insert, table: Table, dialect: str) -> Iterator[dict[str, Any]]:
    if isinstance(node.this, exp.Schema):
        columns = [
            fold(each, dialect) if isinstance(each, exp.Identifier) else "?" for each in node.this.expressions
        ]
    else:
        columns = [each.name for each in table.columns if not each.generated]
    values = node.expression
    if node.args.get("default"):
        yield {}
    elif isinstance(values, exp.Values) and table.columns:
        for row in values.expressions:
            given = row.expressions if isinstance(row, exp.Tuple) else [row]
            if len(given) > len(columns):
                return
            yield {name: source_of(each) or COMPUTED for name, each in zip(columns, given, strict=False)}


# UPDATE and DELETE.


def _update(node: exp.Update, table: Table, target: exp.Table, names: Names) -> Write:
    assigned = _assigned(node.expressions, table, names.dialect)
    known = _known(node, table, target, names)
    if assigned is None or table.rewritten:
        return Write(table, "update", None, known, assigned=assigned or {})
    computed = {each.name for each in table.columns if each.generated}
    assigned.update(dict.fromkeys(computed, COMPUTED))
    return Write(table, "update", frozenset(assigned), known, assigned=assigned)


def _assigned(nodes: Sequence[Node], table: Table, dialect: str) -> dict[str, Any] | None:
    """What SET assigns to each column; None if that can't be told."""
    found: dict[str, Any] = {}
    for each in nodes:
        if not isinstance(each, exp.EQ):
            return None
        left = each.this
        if isinstance(left, exp.Column):
            found[fold(left.this, dialect)] = _given(each.expression, dialect)
        elif isinstance(left, exp.Tuple) and all(isinstance(one, exp.Column) for one in left.expressions):
            found.update({fold(one.this, dialect): COMPUTED for one in left.expressions})
        else:
            return None
    # Without a catalogue every name is one; with one, `SET rowid = …` moves the key.
    return None if table.columns and not found.keys() <= table.by_name.keys() else found


def _given(node: Node, dialect: str) -> Any:
    if type(node) is exp.Column and fold(node.args.get("table"), dialect) == "excluded":
        return fold(node.this, dialect)
    source = source_of(node)
    return COMPUTED if source is None or source.several else source


def _known(node: Node, table: Table, target: exp.Table, names: Names) -> dict[str, list[Source]]:
    """What the WHERE of an UPDATE or DELETE says of the rows that it finds."""
    dialect = names.dialect
    scope = Scope(dialect)
    occurrence = Occurrence(0, table)
    scope.add(alias_of(target, dialect) or fold(target.this, dialect), occurrence)
    if node.args.get("from_") or node.args.get("using") or node.args.get("joins"):
        scope.add("", None)  # so that only names with a table are certain
    where = node.args.get("where")
    holds = Equalities()
    learn(holds, where.this if where is not None else None, scope)
    return {name: values for name in table.by_name if (values := holds.values((0, name)))}
