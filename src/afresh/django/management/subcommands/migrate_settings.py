"""`afresh migrate-settings`: new settings from those of django-redis and django-redis-cache."""

from __future__ import annotations

from pprint import pformat
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from afresh.django.dropin.migrated import HIDDEN, migrated
from afresh.errors import ConfigurationError

HELP = "Writes the new CACHES from that of django-redis or django-redis-cache."


def add_arguments(parser: Any) -> None:
    """Which of the two."""
    parser.add_argument(
        "--final", action="store_true", help="in our own words, for when no worker of theirs runs any more"
    )


def run(options: dict[str, Any], out: Any) -> None:
    """Write it; an entry that can't be switched makes the command fail, after the others."""
    written, refused = 0, []
    for alias, entry in settings.CACHES.items():
        try:
            found = migrated(entry, final=options["final"])
        except ConfigurationError as error:
            refused.append(f"CACHES[{alias!r}]: {error}")
            continue
        if found is None:
            continue
        written += 1
        for note in found.notes:
            out.write(f"# {note}")
        out.write(f"CACHES[{alias!r}] = {pformat(found.entry, sort_dicts=False)}")
        if HIDDEN in repr(found.entry):
            out.write(f"# {HIDDEN!r}: put the password here that was there")
    if refused:
        raise CommandError("\n".join(refused))
    if not written:
        out.write("CACHES has nothing of django-redis or django-redis-cache.")
