"""What must be made new in a child process after `os.fork()`.

Threads don't survive a fork, locks may be held by nobody for ever, and file locks are shared with
the parent. Whoever holds such a thing registers here and is told in the child.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """Something that has to be told that it is now in a child process."""

    def after_fork(self) -> None:
        """Make new what a fork broke. Runs in the child, before anything else does."""


_registered: weakref.WeakSet[Forked] = weakref.WeakSet()


def on_fork(thing: Forked) -> None:
    """Call `thing.after_fork()` in every child process, for as long as `thing` lives."""
    _registered.add(thing)


def forks() -> int:
    """How many forks lie between the first process and this one."""
    return _forks


_forks = 0


def _in_child() -> None:
    global _forks
    _forks += 1
    for thing in list(_registered):
        thing.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
