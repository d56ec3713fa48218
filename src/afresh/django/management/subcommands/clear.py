"""`afresh clear`: drop everything."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from afresh.django.project import project_cache

HELP = "Drops everything in the project's cache, in every process. Sessions are elsewhere."


def add_arguments(parser: Any) -> None:
    """Whether to ask first."""
    parser.add_argument("--noinput", "--no-input", action="store_true", help="don't ask")


def run(options: dict[str, Any], out: Any) -> None:
    """Drop it."""
    cache = project_cache()
    if not options["noinput"] and input(f"Drop everything in {cache}? [yes/no] ") != "yes":
        raise CommandError("nothing was dropped.")
    cache.clear()
    out.write(f"dropped everything in {cache}")
