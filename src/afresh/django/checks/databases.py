"""What `manage.py check` says about the setting and the databases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import connections

from afresh.django.database.databases import DIALECTS
from afresh.django.settings import KNOWN, given, setting, unknown_columns
from afresh.errors import ConfigurationError


def check_setting(app_configs: Sequence[Any] | None, **options: Any) -> list[CheckMessage]:
    """Names in the setting that mean nothing would be passed over in silence."""
    try:
        table = setting()
    except ConfigurationError as error:
        return [Error(str(error), id="afresh.E001")]
    found: list[CheckMessage] = [
        Error(f"AFRESH[{name!r}] is unknown.", hint=f"Known are {', '.join(KNOWN)}.", id="afresh.E002")
        for name in table
        if name not in KNOWN
    ]
    found += [
        Error(
            f"AFRESH['VOLATILE'] names {name!r}, which is no column.",
            hint="Write 'application.Model.field'.",
            id="afresh.E003",
        )
        for name in unknown_columns()
    ]
    found += [
        Error(f"AFRESH names the database {name!r}, which is not in DATABASES.", id="afresh.E004")
        for name in (*given("DATABASES", {}), *given("DATABASES", {}).values(), *given("REPLICA_LAG", {}))
        if name not in connections.settings
    ]
    return found


def check_databases(app_configs: Sequence[Any] | None, **options: Any) -> list[CheckMessage]:
    """Databases that can't be watched: what is read from them would never be dropped."""
    return [
        checks.Warning(
            f"The database {alias!r} is a {connections[alias].display_name}, which isn't watched.",
            hint="Results made from it are not kept.",
            id="afresh.W001",
        )
        for alias in connections
        if connections[alias].vendor not in DIALECTS and connections[alias].vendor != "unknown"
    ]
