"""Run probes against an application, and tell what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from afresh.errors import ConfigurationError
from afresh.probe.asking import Ask, Sent
from afresh.probe.classes import PROBES, Probe, Seen

_APART = "afresh-probe"
"""A parameter whose value no other request has: who probes a live site disturbs nobody."""

_DIGITS = "0123456789abcdef"


class Finding(NamedTuple):
    """One visitor got what was another's.

    Attributes:
        probe: The class.
        path: Where.
        danger: What happens.
    """

    probe: str
    path: str
    danger: str


def probe(
    ask: Ask, paths: Iterable[str] = ("/",), *, only: Iterable[str] = (), draw: Callable[[], float]
) -> Iterator[Finding]:
    """Try every class at every path, twice: a cache may keep an answer only when it comes again.

    Args:
        ask: How to ask the application, with its caches (`over_http`, `in_process`).
        paths: Where. Of a page for signed-in visitors nothing is learnt: nobody signs in.
        only: The names of some classes; all by default.
        draw: Random numbers in [0, 1): marks must not be guessed.

    Raises:
        ConfigurationError: There is no such class.
    """
    chosen = set(only)
    unknown = chosen - {each.name for each in PROBES}
    if unknown:
        names = ", ".join(each.name for each in PROBES)
        raise ConfigurationError(f"there is no probe {min(unknown)!r}: there are {names}.")
    for path in paths:
        for each in PROBES:
            if (not chosen or each.name in chosen) and _found(ask, each, path, draw):
                yield Finding(each.name, path, each.danger)


def _found(ask: Ask, each: Probe, path: str, draw: Callable[[], float]) -> bool:
    mark, apart = _word(draw), _word(draw)
    innocent = Sent(path, f"{_APART}={apart}")
    second = each.second(innocent, mark)
    untouched = ask(each.second(Sent(path, f"{_APART}={_word(draw)}"), mark))
    for _ in range(2):
        first = ask(each.first(innocent, mark))
        if each.found(Seen(mark, first, ask(second), untouched)):
            return True
    return False


def _word(draw: Callable[[], float]) -> str:
    """Ten digits that nobody else has."""
    return "m" + "".join(_DIGITS[int(draw() * 16)] for _ in range(10))
