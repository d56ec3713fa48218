"""What must happen on both sides of a fork.

`runtime.fork` tells the child afterwards. That is too late for SQLite, which keeps the locks it
holds on a file in tables of the process: a child inherits those tables without the locks and would
read unprotected. So databases are closed before the fork, and each side opens its own when needed.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forking(Protocol):
    """Something that has to be quiet while its process is forked."""

    def before_fork(self) -> None:
        """Finish or stop what is under way. Must not wait for long."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Start anew: other threads, their locks and what they were doing are not here."""


_things: weakref.WeakSet[Forking] = weakref.WeakSet()
_quiet: list[Forking] = []


def on_fork(thing: Forking) -> None:
    """Tell `thing` about forks for as long as it lives."""
    _things.add(thing)


def _before() -> None:
    _quiet[:] = list(_things)
    for thing in _quiet:
        thing.before_fork()


def _in_parent() -> None:
    while _quiet:
        _quiet.pop().after_fork_in_parent()


def _in_child() -> None:
    while _quiet:
        _quiet.pop().after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
