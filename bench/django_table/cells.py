"""The columns of the table: each asks one subject one question, and gives its answer in a word."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from django.db import connection

PATIENCE = 2.0
"""Seconds that the change of another program may take until it is seen."""


class Subject(Protocol):
    """A way to cache what is read of the table of products.

    Attributes:
        model: The model: `name` and `price` of a product.
        saves: Sets columns of the row of a key by `save()`.
        updates: … by `update()` of a queryset.
        updates_many: … of the rows of some keys by `bulk_update()`.
    """

    model: Any
    saves: Callable[..., None]
    updates: Callable[..., None]
    updates_many: Callable[..., None]

    def name(self, pk: int) -> str:
        """The name of a product, its whole row read, from the cache if it is there."""

    def only_name(self, pk: int) -> str:
        """The same, with no other column read."""

    def late(self, pk: int, meanwhile: Callable[[], object]) -> None:
        """Read the name of a product that isn't cached; `meanwhile` happens before it is kept."""

    def elsewhere(self, sql: str) -> None:
        """Another program runs a statement, and commits it."""


def saves(model: Any, pk: int, **values: Any) -> None:
    """`save()`."""
    product = model.objects.get(pk=pk)
    for name, value in values.items():
        setattr(product, name, value)
    product.save(update_fields=list(values) if "price" in values else None)


def updates(model: Any, pk: int, **values: Any) -> None:
    """`update()`."""
    model.objects.filter(pk=pk).update(**values)


def updates_many(model: Any, *keys: int, **values: Any) -> None:
    """`bulk_update()`."""
    products = list(model.objects.filter(pk__in=keys))
    for product in products:
        for name, value in values.items():
            setattr(product, name, value)
    model.objects.bulk_update(products, list(values))


def statement(model: Any, pk: int, name: str) -> str:
    """The statement that names a product."""
    return f"UPDATE {model._meta.db_table} SET name = '{name}' WHERE id = {pk}"


def raw(subject: Subject, pk: int, name: str) -> None:
    """Raw SQL, through Django's connection."""
    with connection.cursor() as cursor:
        cursor.execute(statement(subject.model, pk, name))


class Sent:
    """How many statements are sent within the block."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Callable[..., Any], *given: Any) -> Any:
        """Django's execute wrapper."""
        self.count += 1
        return execute(*given)


def kept(read: Callable[[], object]) -> bool:
    """Whether a read is answered with nothing sent to the database."""
    sent = Sent()
    with connection.execute_wrapper(sent):
        read()
    return not sent.count


def _seen(subject: Subject, write: Callable[[str], object], *, patience: float = 0.0) -> str:
    subject.name(1)
    if not kept(lambda: subject.name(1)):
        return "not cached"
    write("new")
    end = time.monotonic() + patience
    while subject.name(1) != "new":
        if time.monotonic() >= end:
            return "stale"
        time.sleep(0.005)
    return "fresh"


def _row_b_keeps_row_a(subject: Subject) -> str:
    for pk in (1, 2):
        subject.name(pk)
    if not kept(lambda: subject.name(1)):
        return "not cached"
    subject.saves(2, name="b1")
    subject.updates(2, name="b2")
    raw(subject, 2, "b3")
    return "yes" if kept(lambda: subject.name(1)) else "no"


def _column_keeps_column(subject: Subject) -> str:
    subject.only_name(1)
    if not kept(lambda: subject.only_name(1)):
        return "not cached"
    subject.saves(1, price=99)
    return "yes" if kept(lambda: subject.only_name(1)) else "no"


def _late_fill(subject: Subject) -> str:
    subject.late(1, lambda: subject.updates(1, name="new"))
    return "fresh" if subject.name(1) == "new" else "stale"


CELLS: dict[str, Callable[[Subject], str]] = {
    "save()": lambda subject: _seen(subject, lambda name: subject.saves(1, name=name)),
    "update()": lambda subject: _seen(subject, lambda name: subject.updates(1, name=name)),
    "bulk_update": lambda subject: _seen(subject, lambda name: subject.updates_many(1, 2, name=name)),
    "raw SQL": lambda subject: _seen(subject, lambda name: raw(subject, 1, name)),
    "other program": lambda subject: _seen(
        subject, lambda name: subject.elsewhere(statement(subject.model, 1, name)), patience=PATIENCE
    ),
    "row B keeps row A": _row_b_keeps_row_a,
    "column keeps column": _column_keeps_column,
    "late fill": _late_fill,
}
GOAL = {cell: "yes" if "keeps" in cell else "fresh" for cell in CELLS}
