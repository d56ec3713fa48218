"""The subcommands of `python manage.py afresh`, by name.

Each is a module with `HELP`, `add_arguments(parser)` and `run(options, out)`.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

from afresh.django.management.subcommands import (
    clear,
    doctor,
    explain,
    invalidate,
    migrate_settings,
    mode,
    stats,
    warm,
)


class Subcommand(Protocol):
    """What such a module is."""

    HELP: str

    def add_arguments(self, parser: Any) -> None:
        """Add its arguments to its parser."""

    def run(self, options: dict[str, Any], out: Any) -> None:
        """Do it."""


SUBCOMMANDS: dict[str, Subcommand] = {
    name: cast("Subcommand", module)
    for name, module in {
        "clear": clear,
        "doctor": doctor,
        "explain": explain,
        "invalidate": invalidate,
        "migrate-settings": migrate_settings,
        "mode": mode,
        "stats": stats,
        "warm": warm,
    }.items()
}
