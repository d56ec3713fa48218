"""`afresh doctor`: ask the servers of the cache how they are."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from afresh.django.project import project_cache

HELP = "Asks the servers of the project's cache how they are, and says what to do."


def add_arguments(parser: Any) -> None:
    """None."""


def run(options: dict[str, Any], out: Any) -> None:
    """Show it; an error makes the command fail."""
    diagnoses = project_cache().doctor()
    for each in diagnoses:
        out.write(f"{f'pool {each.pool}' if each.pool else 'cache'}  {each.url}")
        for finding in each.findings:
            advice = f": {finding.advice}" if finding.advice else ""
            out.write(f"  {finding.severity}  {finding.what}{advice}")
    if not all(each.healthy for each in diagnoses):
        raise CommandError("something is wrong: see above.")
