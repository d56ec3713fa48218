"""What differs per visitor within a fragment: cut out of what is kept, and filled where it is used.

A mark belongs to the one fragment that is kept with it. Used within another fragment, or in a page that
is kept as a whole, what is filled in is that one's own mark, if it has a hole of this kind too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from afresh.fragments.kept import Fragment
from afresh.fragments.wanted import plain
from afresh.http.holes import MARKS, Punch, punching

_MARKS = re.compile(MARKS)


class Cut(Punch):
    """The holes of a fragment that is being made."""

    __slots__ = ()

    def kept(self, text: str) -> Fragment:
        """The fragment, with those of its marks that stand in its text."""
        text = str.__str__(text)  # a text that is marked as safe is a text
        marks = ((mark.decode(), name) for mark, name in self.marks.items())
        return Fragment(text, tuple((mark, name) for mark, name in marks if mark in text))

    @staticmethod
    def strange(fragment: Fragment) -> str:
        """Why a fragment can't be used again: it holds the mark of another's hole; empty if it doesn't."""
        own = {mark for mark, _ in fragment.holes}
        strange = any(each not in own for each in _MARKS.findall(fragment.text))
        return "it shows what differs per visitor on the page around it" if strange else ""


def cutting() -> Cut | None:
    """The innermost fragment that is being made, if any."""
    cut = punching.get()
    return cut if isinstance(cut, Cut) else None


@contextmanager
def cut_out(names: Iterable[str]) -> Iterator[Cut]:
    """Make a fragment within this block, in this thread or task."""
    cut = Cut(names)
    token = punching.set(cut)
    try:
        yield cut
    finally:
        punching.reset(token)


async def filled(fragment: Fragment, fill: Callable[[str], Any]) -> str:
    """The text for one visitor."""
    text = fragment.text
    for mark, name in fragment.holes:
        text = text.replace(mark, str(await plain(fill(name))))
    return text
