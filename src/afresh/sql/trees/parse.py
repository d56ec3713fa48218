"""The parser, and small questions to its trees. sqlglot is asked here and in the rooms that walk its trees."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from afresh.sql.refusals import Coarse

Node = exp.Expression  # pyright: ignore[reportPrivateImportUsage]
"""A piece of a statement's tree."""

WRITING = (exp.Insert, exp.Update, exp.Delete, exp.Merge)
"""The pieces that write."""

logging.getLogger("sqlglot").addFilter(lambda record: "Falling back to parsing" not in record.getMessage())


def parsed(text: str, dialect: str) -> list[Node]:
    """The trees of the statements in a text.

    Raises:
        Coarse: It can't be parsed, or some of it was given up on.
    """
    try:
        trees = [cast("Any", tree) for tree in sqlglot.parse(text, dialect=dialect) if tree is not None]
    except (
        SqlglotError,
        RecursionError,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        IndexError,
    ) as error:
        raise Coarse(f"it can't be parsed ({type(error).__name__})") from error
    return [tree for tree in trees if not isinstance(tree, exp.Semicolon)]


def fold(identifier: object, dialect: str) -> str:
    """A name as the catalogue spells it: PostgreSQL's unquoted names in lower case, all others' likewise."""
    if isinstance(identifier, exp.Identifier):
        name = str(identifier.this)
        return name if dialect == "postgres" and identifier.args.get("quoted") else name.lower()
    return "" if identifier is None else str(identifier).lower()


def alias_of(node: Node, dialect: str) -> str:
    """The alias of a source, folded; empty if it has none."""
    alias = node.args.get("alias")
    return fold(alias.this, dialect) if isinstance(alias, exp.TableAlias) and alias.this else ""


def bracketed_names(trees: list[Node]) -> Counter[str]:
    """Names that brackets follow without being called: aliases with columns, the target of an INSERT."""
    found: Counter[str] = Counter()
    for tree in trees:
        for node in tree.find_all(exp.TableAlias, exp.Schema):
            if isinstance(node, exp.TableAlias) and node.args.get("columns") and node.this:
                found[str(node.name).lower()] += 1
            elif isinstance(node, exp.Schema) and isinstance(node.this, exp.Table):
                found[node.this.name.lower()] += 1
    return found


def conjuncts(condition: Node | None) -> Iterator[Node]:
    """The parts of a condition that all have to hold."""
    if condition is None:
        return
    if isinstance(condition, exp.Paren):
        yield from conjuncts(condition.this)
    elif isinstance(condition, exp.And):
        yield from conjuncts(condition.this)
        yield from conjuncts(condition.expression)
    else:
        yield condition
