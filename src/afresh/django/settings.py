"""The setting `AFRESH`: what can't be found out.

    AFRESH = {
        "VOLATILE": ["shop.Product.views"],          # columns that change all the time
        "UNSEEN_TTL": "1m",                          # how old what depends on them or on the clock may be
        "OLD_IMAGES": True,                          # look at rows before they are changed
        "DATABASES": {"reporting": "default"},       # aliases that mean the same database
        "REPLICA_LAG": {"reporting": "5s"},          # replicas, and how far behind they may be
    }

All of it is optional.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import router

KNOWN = ("DATABASES", "OLD_IMAGES", "REPLICA_LAG", "SESSIONS", "UNSEEN_TTL", "VOLATILE")


def given(name: str, default: Any) -> Any:
    """One entry of the setting."""
    table = getattr(settings, "AFRESH", None) or {}
    return table.get(name, default) if isinstance(table, Mapping) else default


def volatile(alias: str) -> dict[str, set[str]]:
    """The volatile columns of the tables of a database: names that mean nothing are left to the checks."""
    columns: dict[str, set[str]] = {}
    for name in given("VOLATILE", ()):
        for model, column in _columns(str(name)):
            if router.allow_migrate_model(alias, model):
                columns.setdefault(model._meta.db_table, set()).add(column)
    return columns


def unknown_columns() -> list[str]:
    """The names in VOLATILE that are no model's column."""
    return [str(name) for name in given("VOLATILE", ()) if not list(_columns(str(name)))]


def _columns(name: str) -> Iterator[tuple[Any, str]]:
    """The model and the column of `app.Model.field`."""
    parts = name.split(".")
    if len(parts) != 3:
        return
    try:
        field = apps.get_model(parts[0], parts[1])._meta.get_field(parts[2])
    except (LookupError, FieldDoesNotExist):
        return
    column = getattr(field, "column", None)
    if column:
        yield field.model, column
