"""The command `watch` for an SQLite file: follow it, look at what watches it, or end that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import typer

import afresh
from afresh.cli import seeing
from afresh.cli.watching import volatile_of
from afresh.db.watch.sqlite import SQLiteWatcher, drop, findings, path_of

_EVERY = 0.01  # seconds


class WatchedFile(NamedTuple):
    """What the command line says of a database; see `SQLiteWatcher`."""

    url: str
    name: str
    volatile: Sequence[str]
    every: float | None

    def watcher(self, caches: Iterable[afresh.Cache]) -> SQLiteWatcher:
        """What follows it."""
        return SQLiteWatcher(
            self.url,
            *caches,
            name=self.name,
            volatile=volatile_of(self.volatile),
            every=self.every or _EVERY,
            tell=typer.echo,
        )

    def check(self) -> bool:
        """Print what is wrong; says whether nothing is."""
        found = findings(path_of(self.url))
        seeing.show_findings(found)
        return all(each.severity != "error" for each in found)

    def drop(self) -> None:
        """Drop log and triggers."""
        dropped = drop(path_of(self.url))
        typer.echo(f"dropped: {', '.join(dropped) or 'nothing, there was nothing'}")
