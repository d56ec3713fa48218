"""`python manage.py afresh stats|explain|invalidate|clear|warm|mode|doctor|migrate-settings`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from afresh.django.management.subcommands import SUBCOMMANDS
from afresh.errors import AfreshError


class Command(BaseCommand):  # type: ignore[misc]  # it has no types
    """See the module."""

    help = "Looks at the project's cache, and changes what is in it."

    def add_arguments(self, parser: Any) -> None:
        """One parser for each subcommand."""
        subparsers = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
        for name, subcommand in SUBCOMMANDS.items():
            own = subparsers.add_parser(name, help=subcommand.HELP, description=subcommand.HELP)
            subcommand.add_arguments(own)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one."""
        try:
            SUBCOMMANDS[options["subcommand"]].run(options, self.stdout)
        except AfreshError as error:
            raise CommandError(str(error)) from error
