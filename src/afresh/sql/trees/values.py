"""Where the value beside an `=` comes from: a hole, a constant, or either under a minus or a cast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from afresh.sql.schema.kinds import Kind
from afresh.sql.text.holes import UNKNOWN, Hole, Parameters, getter
from afresh.sql.text.shape import hole_of
from afresh.sql.trees.parse import Node

Get = Callable[[Parameters], Any]


@dataclass(frozen=True, slots=True)
class Source:
    """A value, or the values of a list.

    Args:
        hole: Its hole in the shape; None for a constant.
        constant: The constant.
        negative: A minus stands before it.
        cast: The type that it is cast to.
        several: It is one of a list: a parameter that is a list itself.
    """

    hole: int | None = None
    constant: Any = None
    negative: bool = False
    cast: str = ""
    several: bool = False

    def getters(self, holes: Sequence[Hole]) -> list[Get]:
        """What takes the values from the parameters, one for each slot of the hole."""
        if self.hole is None:
            constant = self.constant
            return [lambda parameters: constant]
        taken = [getter(slot) for slot in holes[self.hole].slots]
        return [_negated(get) for get in taken] if self.negative else taken

    def is_list(self, holes: Sequence[Hole]) -> bool:
        """Whether it stands for several values of which one is enough."""
        return self.several or (self.hole is not None and holes[self.hole].several)


def _negated(get: Get) -> Get:
    def negative(parameters: Parameters) -> Any:
        value = get(parameters)
        return -value if type(value) in {int, float} else UNKNOWN

    return negative


def source_of(node: Node | None) -> Source | None:
    """The source that an expression is, if it is one."""
    if isinstance(node, exp.Paren):
        return source_of(node.this)
    if isinstance(node, exp.Boolean):
        return Source(constant=bool(node.this))
    if isinstance(node, exp.Null):
        return Source(constant=None)
    if isinstance(node, exp.Literal):
        return _literal(node)
    if isinstance(node, exp.Neg):
        inner = source_of(node.this)
        if inner is None or inner.negative or inner.hole is None or inner.cast:
            return None
        return Source(inner.hole, negative=True)
    if type(node) is exp.Cast:
        return _cast(node)
    return None


def _literal(node: exp.Literal) -> Source | None:
    """A hole; or, in the SQL of a view, a constant."""
    hole, text = hole_of(node.this), str(node.this)
    if hole is not None:
        return Source(hole)
    if node.is_string:
        return Source(constant=text)
    return Source(constant=int(text)) if text.isdecimal() else None


def _cast(node: exp.Cast) -> Source | None:
    inner, to = source_of(node.this), node.to
    if inner is None or inner.cast or to.expressions or to.args.get("nested"):
        return None
    return Source(inner.hole, inner.constant, inner.negative, cast=str(getattr(to.this, "value", to.this)))


def spell(kind: Kind, source: Source, value: Any, *, stored: bool = False) -> str | None:
    """The spelling of a value of this source, or None when it is not certain."""
    if not certain_in(kind, source, value):
        return None
    return kind.stored(value) if stored else kind.compared(value)


def certain_in(kind: Kind, source: Source, value: Any) -> bool:
    """Whether a value of this source is known, and is none that a cast makes another one."""
    if value is UNKNOWN:
        return False
    return not source.cast or (type(value) is kind.native and source.cast in kind.casts)
