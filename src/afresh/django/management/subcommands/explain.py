"""`afresh explain KEY`: what is known of a key."""

from __future__ import annotations

from typing import Any

from afresh.django.project import project_cache

HELP = "Shows what is known of a key: where it is, how old, what it depends on, which write dropped it."


def add_arguments(parser: Any) -> None:
    """The key."""
    parser.add_argument("key", help="as function.key(…) gives it, or as events and the panel show it")


def run(options: dict[str, Any], out: Any) -> None:
    """Show it."""
    out.write(str(project_cache().explain(options["key"])))
