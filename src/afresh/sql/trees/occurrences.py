"""Walks a query: every table that it reads, with the columns and the predicates of each occurrence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from afresh.sql.refusals import Coarse, Refused
from afresh.sql.schema.catalogue import Table, View
from afresh.sql.schema.resolve import Names
from afresh.sql.text.functions import calls
from afresh.sql.text.lexer import Unlexable, tokens
from afresh.sql.text.shape import hole_of
from afresh.sql.trees.conditions import learn
from afresh.sql.trees.equalities import Equalities
from afresh.sql.trees.parse import WRITING, Node, alias_of, bracketed_names, fold, parsed
from afresh.sql.trees.scopes import Occurrence, Scope

_OF_SELECT = frozenset(
    [
        "expressions",
        "from_",
        "joins",
        "where",
        "group",
        "having",
        "order",
        "limit",
        "offset",
        "distinct",
        "windows",
        "with_",
        "laterals",
        "hint",
        "kind",
        "operation_modifiers",
        "qualify",
    ]
)
_OF_TABLE = frozenset(
    [
        "this",
        "db",
        "catalog",
        "alias",
        "joins",
        "only",
        "indexed",
        "hints",
        "pivots",
        "laterals",
        "ordinality",
    ]
)
_DEEPEST = 16  # views of views


@dataclass(frozen=True, slots=True)
class Common:
    """Names of WITH: those that are rows, and those that are not yet, so that a table may be meant."""

    rows: frozenset[str] = frozenset()
    maybe: frozenset[str] = frozenset()


@dataclass(slots=True)
class Walk:
    """One walk over a query."""

    names: Names
    dialect: str
    found: list[Occurrence] = field(default_factory=list)
    tables: set[int] = field(default_factory=set)  # nodes that were accounted for
    depth: int = 0
    clock: bool = False  # a view asks for the time

    def query(self, node: Any, parent: Scope | None, common: Common, *, exists: bool = False) -> None:
        """Walk a query expression.

        Raises:
            Coarse: Something of it isn't understood.
            Refused: What it reads can't be told.
        """
        if isinstance(node, exp.Subquery) and not isinstance(node.this, exp.Table):
            common = self._with(node, parent, common)
            self._rest(node, {"this", "with_", "alias"}, Scope(self.dialect, parent), common)
            self.query(node.this, parent, common, exists=exists)
        elif isinstance(node, exp.SetOperation):
            common = self._with(node, parent, common)
            self.query(node.this, parent, common)
            self.query(node.expression, parent, common)
            outer = Scope(self.dialect, parent)
            outer.add("", None)  # its ORDER BY speaks of its own columns
            self._rest(node, {"this", "expression", "with_"}, outer, common)
        elif isinstance(node, exp.Select):
            self._select(node, parent, self._with(node, parent, common), exists=exists)
        elif isinstance(node, exp.Values):
            outer = Scope(self.dialect, parent)
            outer.add("", None)
            self._rest(node, {"alias"}, outer, common)
        else:
            raise Coarse(f"{type(node).__name__} isn't understood as a query")

    def _with(self, node: Node, parent: Scope | None, common: Common) -> Common:
        clause = node.args.get("with_")
        if clause is None:
            return common
        names = frozenset(alias_of(each, self.dialect) for each in clause.expressions)
        inside = Common(common.rows | names, common.maybe | names)
        for each in clause.expressions:
            self.query(each.this, parent, inside)
        return Common(common.rows | names, common.maybe - names)

    def _select(self, node: exp.Select, parent: Scope | None, common: Common, *, exists: bool) -> None:
        strange = [name for name, value in node.args.items() if value and name not in _OF_SELECT]
        if strange:
            raise Coarse(f"{strange[0]} isn't understood")
        scope = Scope(self.dialect, parent)
        scope.outputs = {
            fold(each.args.get("alias"), self.dialect) for each in node.expressions if each.alias
        }
        joins = list(node.args.get("joins") or [])
        source = node.args.get("from_")
        if source is not None:
            self._source(source.this, scope, common)
        for join in joins:
            self._join(join, scope, common)
        for lateral in node.args.get("laterals") or []:
            self._source(lateral, scope, common)
        self._learn(node, joins, scope)
        if not exists:
            self._stars(node, scope)
        self._read(node, joins, scope, common)

    # Sources.

    def _join(self, join: exp.Join, scope: Scope, common: Common) -> None:
        side, kind = str(join.args.get("side") or "").upper(), str(join.args.get("kind") or "").upper()
        if side in {"RIGHT", "FULL"}:
            for each in scope.occurrences():
                each.nullable = True
        before = set(scope.sources)
        self._source(join.this, scope, common)
        strange = kind not in {"", "INNER", "CROSS", "OUTER", "STRAIGHT"} or bool(
            join.args.get("match_condition")
        )
        for alias in scope.sources.keys() - before:
            occurrence = scope.sources[alias]
            if occurrence is not None:
                occurrence.nullable = side in {"LEFT", "FULL"}
        if strange or str(join.args.get("method") or "").upper() not in {"", "NATURAL"}:
            raise Coarse(f"a {kind} JOIN isn't understood")
        if join.args.get("method"):
            for each in scope.occurrences():
                each.everything = True

    def _source(self, node: Node, scope: Scope, common: Common, *, plain: bool = True) -> None:
        alias = alias_of(node, self.dialect)
        if isinstance(node, exp.Table):
            self._table(node, alias, scope, common, plain=plain)
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            self._bracketed(node.this, scope, common)
        elif isinstance(node, (exp.Subquery, exp.Values)):
            self.query(node, scope.parent, common)
            scope.add(alias, None)
        elif isinstance(node, exp.Lateral):
            inner = node.this
            if isinstance(inner, exp.Subquery):
                scope.holds = Equalities(scope.parent.holds if scope.parent else None)
                self.query(inner, scope, common)
            else:
                self._visit(inner, scope, common)
            scope.add(alias, None)
        elif isinstance(node, exp.Unnest):
            self._rest(node, {"alias"}, scope, common)
            scope.add(alias, None)
        else:
            raise Coarse(f"{type(node).__name__} isn't understood as a source of rows")

    def _bracketed(self, table: exp.Table, scope: Scope, common: Common) -> None:
        """`(b JOIN c ON …)`: its conditions are read, but not believed."""
        self._source(table, scope, common, plain=False)
        for join in table.args.get("joins") or []:
            self._source(join.this, scope, common, plain=False)
            if join.args.get("method"):
                for each in scope.occurrences():
                    each.everything = True

    def _table(self, node: exp.Table, alias: str, scope: Scope, common: Common, *, plain: bool) -> None:
        strange = [name for name, value in node.args.items() if value and name not in _OF_TABLE]
        if strange:
            raise Refused(f"{strange[0]} gives other rows each time, or isn't understood")
        self.tables.add(id(node))
        if not isinstance(node.this, exp.Identifier):
            self._visit(node.this, scope, common)
            scope.add(alias or str(node.name).lower(), None)
            return
        name, qualified = fold(node.this, self.dialect), node.args.get("db") is not None
        if not qualified and name in common.rows:
            self._common(node, alias or name, scope, maybe=name in common.maybe)
            return
        meant = self.names.find(node)
        if isinstance(meant, Table):
            self._occurrence(meant, alias or name, scope, plain=plain)
        else:
            self._view(meant)
            scope.add(alias or name, None)

    def _common(self, node: exp.Table, alias: str, scope: Scope, *, maybe: bool) -> None:
        meant = self.names.known(node) if maybe else None
        if isinstance(meant, View):
            self._view(meant)
        elif meant is not None:
            # A table or rows of WITH: read as the one, named as the other.
            self._occurrence(meant, f"{alias}\0", scope, plain=False).everything = True
        scope.add(alias, None)

    def _occurrence(self, table: Table, alias: str, scope: Scope, *, plain: bool) -> Occurrence:
        if table.guarded:
            raise Refused(f"what {table.name} shows depends on who asks (row security)")
        occurrence = Occurrence(len(self.found), table, plain=plain)
        self.found.append(occurrence)
        scope.add(alias, occurrence)
        return occurrence

    def _view(self, view: View) -> None:
        """Walk what a view is made of; the whole of its tables if that isn't understood."""
        before = len(self.found)
        try:
            self._inside(view)
        except Coarse as coarse:
            del self.found[before:]
            if view.tables is None:
                raise Refused(f"the view {view.name} isn't understood: {coarse.reason}") from coarse
            self.whole(view.tables)

    def _inside(self, view: View) -> None:
        if view.sql is None or self.depth >= _DEEPEST:
            raise Coarse("its SQL isn't known")
        trees = parsed(view.sql, self.dialect)
        self._calls(view.sql, trees)
        inner = Walk(self.names.of_view(view), self.dialect, self.found, self.tables, self.depth + 1)
        if len(trees) != 1:
            raise Coarse("it is no query")
        if any(hole_of(each.this) is not None for each in trees[0].find_all(exp.Literal)):
            raise Coarse("a number in it is one of ours")
        inner.query(trees[0], None, Common())
        inner.account(trees[0])
        self.clock = self.clock or inner.clock

    def _calls(self, sql: str, trees: list[Node]) -> None:
        """Look into the functions that a view calls."""
        try:
            found = tokens(sql, self.dialect, "dollar")
        except Unlexable as error:
            raise Refused(f"a view isn't understood: {error}") from error
        done = calls(found, self.dialect, self.names.catalogue, bracketed_names(trees))
        if done.refused:
            raise Refused(f"{done.refused}, in a view")
        self.clock = self.clock or done.clock

    def whole(self, names: tuple[str, ...]) -> None:
        """Read these tables, and those of these views, as a whole."""
        for name in names:
            meant = self.names.catalogue.named(name)
            if isinstance(meant, View):
                self._view(meant)
            elif meant is not None:
                self.found.append(Occurrence(len(self.found), meant, plain=False, everything=True))
            else:
                raise Refused(f"the catalogue doesn't know {name}")

    # Conditions.

    def _learn(self, node: exp.Select, joins: list[exp.Join], scope: Scope) -> None:
        scope.holds = Equalities(scope.parent.holds if scope.parent else None)
        where = node.args.get("where")
        sides = [str(join.args.get("side") or "").upper() for join in joins]
        certain = not {"RIGHT", "FULL"} & set(sides)
        for join, side in zip(joins, sides, strict=True):
            if not side and certain:
                learn(scope.holds, join.args.get("on"), scope)
        learn(scope.holds, where.this if where is not None else None, scope)
        for join, side in zip(joins, sides, strict=True):
            joined = self._plainly_joined(join, scope)
            if side == "LEFT" and joined is not None:
                joined.own = Equalities(scope.holds)
                learn(joined.own, join.args.get("on"), scope, only=joined.number)
        for occurrence in scope.occurrences():
            occurrence.own = occurrence.own or scope.holds

    def _plainly_joined(self, join: exp.Join, scope: Scope) -> Occurrence | None:
        if not isinstance(join.this, exp.Table) or not isinstance(join.this.this, exp.Identifier):
            return None
        return scope.sources.get(alias_of(join.this, self.dialect) or fold(join.this.this, self.dialect))

    # Columns.

    def _stars(self, node: exp.Select, scope: Scope) -> None:
        if any(isinstance(each, exp.Star) for each in node.expressions):
            for occurrence in scope.occurrences():
                occurrence.everything = True

    def _read(self, node: exp.Select, joins: list[exp.Join], scope: Scope, common: Common) -> None:
        self._rest(node, {"from_", "joins", "with_", "laterals"}, scope, common)
        self._joined(joins, scope, common)
        source = node.args.get("from_")
        for each in ([source] if source is not None else []) + joins:
            inner = each.this
            if isinstance(inner, exp.Subquery) and isinstance(inner.this, exp.Table):
                self._joined(inner.this.args.get("joins") or [], scope, common)

    def _joined(self, joins: list[exp.Join], scope: Scope, common: Common) -> None:
        for join in joins:
            self._rest(join, {"this", "using"}, scope, common)
            for each in join.args.get("using") or []:
                self._visit(
                    exp.column(each.copy()) if isinstance(each, exp.Identifier) else each, scope, common
                )

    def _rest(self, node: Node, without: set[str], scope: Scope, common: Common) -> None:
        for name, value in node.args.items():
            if name not in without:
                for each in value if isinstance(value, list) else [value]:
                    if hasattr(each, "args"):
                        self._visit(each, scope, common)

    def _visit(self, node: Any, scope: Scope, common: Common) -> None:
        if isinstance(node, exp.Column):
            scope.read(node)
        elif isinstance(node, exp.Exists) and isinstance(node.this, exp.Query):
            self.query(node.this, scope, common, exists=True)
        elif isinstance(node, exp.Query):
            self.query(node, scope, common)
        elif isinstance(node, exp.TableSample):
            raise Refused("a sample gives other rows each time")
        elif isinstance(node, (exp.Table, exp.Lateral, *WRITING)) or _names_a_table(node):
            raise Refused(f"{type(node).__name__} at this place isn't understood")
        else:
            self._rest(node, set(), scope, common)

    def account(self, tree: Node) -> None:
        """Check that no table of the tree was left out.

        Raises:
            Coarse: One was.
        """
        hints = {id(each.args["indexed"]) for each in tree.find_all(exp.Table) if each.args.get("indexed")}
        for each in tree.find_all(exp.Table):
            if id(each) not in self.tables and id(each) not in hints:
                raise Coarse(f"{each.name} stands at a place that isn't understood")


def _names_a_table(node: Node) -> bool:
    """SQLite's `x IN name`, which the parser takes for a column."""
    return isinstance(node, exp.In) and isinstance(node.args.get("field"), exp.Column)
