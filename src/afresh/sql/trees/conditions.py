"""What conditions say: from WHERE and ON to equalities and bounds."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from afresh.sql.text.holes import Hole
from afresh.sql.trees.equalities import Bound, Equalities
from afresh.sql.trees.parse import Node, conjuncts
from afresh.sql.trees.scopes import Scope
from afresh.sql.trees.values import Source, source_of

IS_NULL = Source(constant=None)

_BELOW: dict[type[Node], bool] = {exp.LT: True, exp.LTE: True, exp.GT: False, exp.GTE: False}
"""Whether the left side is below the right one."""


def learn(holds: Equalities, condition: Node | None, scope: Scope, *, only: int | None = None) -> None:
    """Add what a condition says to what holds.

    Args:
        holds: Is added to.
        condition: A conjunction; what is neither an equality nor a bound in it says nothing.
        scope: Where its names are looked up.
        only: The condition is the ON of a LEFT JOIN: it holds for the rows of this occurrence alone.
    """
    for part in conjuncts(condition):
        _learn(holds, part, scope, only)


def _learn(holds: Equalities, part: Node, scope: Scope, only: int | None) -> None:
    if isinstance(part, exp.EQ):
        _equal(holds, part.this, part.expression, scope, only)
    elif isinstance(part, exp.In) and not part.args.get("query") and not part.args.get("is_global"):
        source = _of_list(part)
        if source is not None:
            _constant(holds, part.this, source, scope, only)
    elif type(part) in _BELOW:
        below = _BELOW[type(part)]
        _bound(holds, part.this, part.expression, not below, scope, only)
        _bound(holds, part.expression, part.this, below, scope, only)
    elif isinstance(part, exp.Between) and not part.args.get("symmetric"):
        _bound(holds, part.this, part.args.get("low"), True, scope, only)
        _bound(holds, part.this, part.args.get("high"), False, scope, only)
    elif isinstance(part, exp.Is) and isinstance(part.expression, exp.Null):
        _constant(holds, part.this, IS_NULL, scope, only)
    elif isinstance(part, exp.Column):
        _flag(holds, part, True, scope, only)
    elif isinstance(part, exp.Not) and isinstance(part.this, exp.Column):
        _flag(holds, part.this, False, scope, only)


def _of_list(part: exp.In) -> Source | None:
    """The source of an IN list: one hole, or a parameter that is a list itself."""
    if part.args.get("unnest"):
        return None
    members = part.expressions
    single = members[0] if len(members) == 1 else part.args.get("field") if not members else None
    source = source_of(single)
    if source is None or source.hole is None or source.negative or source.cast:
        return None
    return source if members else Source(source.hole, several=True)


def _equal(holds: Equalities, left: Node, right: Node, scope: Scope, only: int | None) -> None:
    for one, other in ((left, right), (right, left)):
        source = _value(other)
        if source is not None:
            if not (source.hole is None and source.constant is None):  # `= NULL` is never true
                _constant(holds, one, source, scope, only)
            return
    first, second = scope.certain(left), scope.certain(right)
    if first is None or second is None:
        return
    (a, a_column), (b, b_column) = first, second
    if only is None or only in {a.number, b.number}:
        holds.merge((a.number, a_column.name), a_column.kind, (b.number, b_column.name), b_column.kind)


def _value(node: Node) -> Source | None:
    if isinstance(node, exp.Any):
        inner = source_of(node.this)
        usable = inner is not None and inner.hole is not None and not inner.negative and not inner.cast
        return Source(inner.hole, several=True) if inner is not None and usable else None
    return source_of(node)


def _constant(holds: Equalities, node: Node, source: Source, scope: Scope, only: int | None) -> None:
    found = scope.certain(node)
    if found is None:
        return
    occurrence, column = found
    if only is not None and occurrence.number != only:
        return
    if source is IS_NULL and occurrence.nullable and only is None:
        return  # the NULL may be that of a row that isn't there
    holds.equal((occurrence.number, column.name), source)


def _bound(
    holds: Equalities, node: Node, value: Node | None, lower: bool, scope: Scope, only: int | None
) -> None:
    """`node` is not below this value, or not above it."""
    source = source_of(value)
    if source is None or source.several or (source.hole is None and source.constant is None):
        return
    found = scope.certain(node)
    if found is not None and (only is None or found[0].number == only):
        holds.bounded((found[0].number, found[1].name), Bound(source, lower))


def _flag(holds: Equalities, node: Node, value: bool, scope: Scope, only: int | None) -> None:
    found = scope.certain(node)
    if found is not None and found[1].kind.name == "boolean":
        _constant(holds, node, Source(constant=value), scope, only)


def has_list(sources: Iterable[Source], holes: tuple[Hole, ...]) -> bool:
    """Whether one of these stands for several values."""
    return any(each.is_list(holes) for each in sources)
