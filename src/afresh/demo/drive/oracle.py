"""What an answer may show: the judge of every answer, also of those given while rows are edited.

Each page marks the facts on it: `<data data-fact="installed:bash" value="7164">`. Whoever edits keeps
the history of each fact: its values, when each edit was sent and when it was acknowledged. An answer is
*stale* when its request began after an edit was acknowledged and it shows a value from before that
edit. Where a value comes back later in the history, the answer gets the benefit of the doubt.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from sys import intern
from typing import TypeAlias

Shown: TypeAlias = dict[str, str]
"""The facts on a page; where it shows one twice with two values, under one name more."""

_FACT = re.compile(r'data-fact="([^"]*)" value="([^"]*)"')


def shown(body: bytes) -> Shown:
    """The facts that a page shows."""
    facts: Shown = {}
    for name, value in _FACT.findall(body.decode()):
        while facts.setdefault(name, value) != value:
            name += "\n"  # noqa: PLW2901  a second value of one fact: judged like the first
    return {intern(unescape(name)): intern(unescape(value)) for name, value in facts.items()}


@dataclass(slots=True)
class Edit:
    """One edit of one fact, in seconds of `time.monotonic()`; infinite until it happens."""

    value: str
    acknowledged: float = math.inf


@dataclass(slots=True)
class Histories:
    """The values of each fact that was edited, oldest first; the first is from before all edits."""

    facts: dict[str, list[Edit]] = field(default_factory=dict)

    def begin(self, values: Mapping[str, tuple[str, str]]) -> list[Edit]:
        """Note that an edit is about to be sent; gives what `acknowledge` takes.

        Args:
            values: By fact, the value before and the value asked for.
        """
        begun = []
        for name, (before, asked) in values.items():
            history = self.facts.setdefault(name, [Edit(before, -math.inf)])
            if history[-1].value != asked:
                history.append(Edit(asked))
                begun.append(history[-1])
        return begun

    @staticmethod
    def acknowledge(begun: list[Edit], at: float) -> None:
        """Note when the server's answer to an edit had come."""
        for edit in begun:
            edit.acknowledged = at

    def superseded(self, name: str, value: str) -> float:
        """From when on no request that begins may be answered with this value of a fact.

        Infinite for a fact that was not edited and for a current value; minus infinity for a value
        that the fact never had.
        """
        history = self.facts.get(name)
        if history is None:
            return math.inf
        latest = -math.inf
        for edit, following in zip(history, [*history[1:], None], strict=True):
            if edit.value == value:
                latest = math.inf if following is None else following.acknowledged
        return latest

    def valid_until(self, facts: Shown) -> float:
        """From when on no request that begins may be answered with a page that shows this."""
        return min(
            (self.superseded(name.rstrip("\n"), value) for name, value in facts.items()), default=math.inf
        )


def leaks(facts: Shown, visitor: str) -> bool:
    """Whether a page for `visitor` is somebody else's, or shows what is somebody else's."""
    if facts.get("visitor") != visitor:
        return True
    own = {f"starred:{visitor}"} if visitor else set()
    return {name for name in facts if name.startswith("starred:")} != own
