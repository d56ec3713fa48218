"""`afresh mode`: switch the cache on and off, in every process."""

from __future__ import annotations

from typing import Any

from afresh.django.project import project_cache

HELP = "Shows the mode, or sets it in every process: on, off, shadow, or with a share of the calls."


def add_arguments(parser: Any) -> None:
    """The mode."""
    parser.add_argument("mode", nargs="?", help='"on", "off", "shadow", "shadow 10%%"')


def run(options: dict[str, Any], out: Any) -> None:
    """Show or set it."""
    cache = project_cache()
    if options["mode"]:
        cache.mode = options["mode"]
    out.write(cache.mode)
