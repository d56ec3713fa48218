"""What a write reaches beyond its own table: triggers and cascades, and theirs in turn."""

from __future__ import annotations

from collections.abc import Iterable

from afresh.sql.schema.catalogue import Catalogue, Effect, Operation, Table, View

EVERY: tuple[Operation, ...] = ("insert", "update", "delete")


def reached(
    catalogue: Catalogue, start: Table | View, operations: Iterable[Operation], changed: frozenset[str] | None
) -> set[str] | None:
    """Names of the tables that these operations reach; None when it may be any.

    Args:
        catalogue: Knows the tables.
        start: What is written.
        operations: What is done to it.
        changed: The columns that an UPDATE assigns; None for any.
    """
    first = [each for each in start.effects if each.operation in operations and _sets_off(each, changed)]
    found: set[str] = set()
    waiting = list(first)
    while waiting:
        name = waiting.pop().table
        if name is None:
            return None
        if name not in found:
            found.add(name)
            meant = catalogue.named(name)
            waiting.extend(meant.effects if meant is not None else ())
    return found


def _sets_off(effect: Effect, changed: frozenset[str] | None) -> bool:
    other = effect.operation != "update" or effect.columns is None or changed is None
    return other or bool((effect.columns or frozenset()) & (changed or frozenset()))
