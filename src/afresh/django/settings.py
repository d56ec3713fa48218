"""The setting `AFRESH`: what can't be found out.

    AFRESH = {
        "VOLATILE": ["shop.Product.views"],          # columns that change all the time
        "UNSEEN_TTL": "1m",                          # how old what depends on them or on the clock may be
        "OLD_IMAGES": True,                          # look at rows before they are changed
        "DATABASES": {"reporting": "default"},       # aliases that mean the same database
        "REPLICA_LAG": {"reporting": "5s"},          # replicas, and how far behind they may be
        "CACHE": "redis://localhost/0",              # where pages and fragments live (`project`)
        "FILE": "afresh.toml",                       # rules and more; by default that beside manage.py
        "AUTO": "1m",                                # how long pages are kept that say nothing; None: not
        "UNKEYED": ["user-agent"],                   # fields that are read and make no difference
        "SKIPPED": ["shop.middleware.Banner"],       # middlewares that hits may skip
        "SESSIONS": "redis://localhost/1",           # where sessions live (`afresh.django.sessions`)
    }

A table `[django]` in that file may have `volatile = ["shop.Product.views"]`, too.

All of it is optional. `AFRESH = "redis://localhost/0"` is short for the entry `CACHE` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import router

from afresh.config import application_root
from afresh.errors import ConfigurationError

KNOWN = (
    "AUTO",
    "CACHE",
    "DATABASES",
    "FILE",
    "OLD_IMAGES",
    "REPLICA_LAG",
    "SESSIONS",
    "SKIPPED",
    "UNKEYED",
    "UNSEEN_TTL",
    "VOLATILE",
)


def setting() -> Mapping[str, Any]:
    """The setting.

    Raises:
        ConfigurationError: It is neither a dictionary nor the URL of a cache.
    """
    found: Any = getattr(settings, "AFRESH", None) or {}
    if isinstance(found, str):
        return {"CACHE": found}
    if not isinstance(found, Mapping):
        raise ConfigurationError(
            f"AFRESH = {found!r}: write a dictionary, AFRESH = {{'CACHE': 'redis://localhost/0'}}, or the URL alone."
        )
    return found


def given(name: str, default: Any) -> Any:
    """One entry of the setting: of one that makes no sense, none is. `setting` and the checks say that."""
    try:
        return setting().get(name, default)
    except ConfigurationError:
        return default


def volatile(alias: str) -> dict[str, set[str]]:
    """The volatile columns of the tables of a database: names that mean nothing are left to the checks."""
    columns: dict[str, set[str]] = {}
    for name in volatile_names():
        for model, column in _columns(name):
            if router.allow_migrate_model(alias, model):
                columns.setdefault(model._meta.db_table, set()).add(column)
    return columns


def unknown_columns() -> list[str]:
    """The names in VOLATILE that are no model's column."""
    return [name for name in volatile_names() if not list(_columns(name))]


def settings_file() -> Path | None:
    """`afresh.toml` beside `manage.py`, or the file that `AFRESH["FILE"]` names; `None`: there is none."""
    chosen = given("FILE", None)
    file = application_root() / "afresh.toml" if chosen is None else Path(chosen)
    return file if chosen is not None or file.is_file() else None


def volatile_names() -> list[str]:
    """All names, of the setting and of the file."""
    return [*map(str, given("VOLATILE", ())), *volatile_in_file()]


def volatile_in_file() -> list[str]:
    """The names that the file has: what is wrong with that one, its reader says."""
    import tomllib

    file = settings_file()
    table: Any = {}
    try:
        table = {} if file is None else tomllib.loads(file.read_text("utf-8")).get("django", {})
    except (OSError, ValueError):
        table = {}
    listed = table.get("volatile", ()) if isinstance(table, Mapping) else ()
    return [str(name) for name in listed]


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
