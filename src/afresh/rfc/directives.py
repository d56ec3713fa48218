"""The directives of `Cache-Control`: read with leniency where they restrict, strictly where they permit.

RFC 9111 §5.2. A directive that can't be read for certain never makes a response live longer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

LONGEST = 2**31
"""The number of seconds that stands for all greater ones (RFC 9111 §1.2.2)."""

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_MARK = re.compile(rb'[",]')
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


class Argument(NamedTuple):
    """What stands after the `=` of a directive: `None` when nothing does."""

    value: bytes | None
    quoted: bool = False


class Directives:
    """The directives of one message, by name in lower case; each may have come several times."""

    __slots__ = ("_arguments",)

    def __init__(self, arguments: Iterable[tuple[bytes, Argument]] = ()) -> None:
        self._arguments: dict[bytes, list[Argument]] = {}
        for name, argument in arguments:
            self._arguments.setdefault(name, []).append(argument)

    def __contains__(self, name: bytes) -> bool:
        return name in self._arguments

    def any_of(self, *names: bytes) -> bool:
        """One of these is there."""
        return any(name in self._arguments for name in names)

    def __bool__(self) -> bool:
        return bool(self._arguments)

    def without_argument(self, name: bytes) -> bool:
        """It is there in its plain form, or in one that can't be read: it stands for all fields."""
        return any(_names(each) is None for each in self._arguments.get(name, ()))

    def listed(self, name: bytes) -> tuple[bytes, ...]:
        """The fields that its qualified form lists: `private="set-cookie"` (§5.2.2.4, §5.2.2.7)."""
        return tuple(field for each in self._arguments.get(name, ()) for field in _names(each) or ())

    def seconds(self, name: bytes, *, plain: float = 0.0) -> float | None:
        """Its seconds, or `None` when it isn't there.

        What is no number counts as 0, and so do two numbers that differ (§4.2.1): whoever meant more
        loses a hit, and nobody is served what expired.

        Args:
            name: The directive.
            plain: What it means without an argument.
        """
        arguments = self._arguments.get(name)
        if not arguments:
            return None
        values = {plain if each.value is None else delta_seconds(each.value) for each in arguments}
        value = values.pop()
        return 0.0 if values or value is None else value


def delta_seconds(value: bytes) -> float | None:
    """`delta-seconds` (§1.2.2), or `None` when it is no number of digits."""
    if not value.isdigit():
        return None
    digits = value.lstrip(b"0")
    return float(LONGEST) if len(digits) > 10 else float(min(LONGEST, int(digits or b"0")))


def parse_directives(lines: Iterable[bytes]) -> Directives:
    """Read all lines of `Cache-Control` as one list (RFC 9110 §5.3)."""
    return Directives(each for line in lines for each in _members(line))


def split_list(line: bytes) -> Iterator[bytes]:
    """The members of a list, which commas part; not those in quoted strings (RFC 9110 §5.6.1)."""
    start = at = 0
    closing = True
    while found := _MARK.search(line, at):
        at = found.end()
        if found.group() == b",":
            yield line[start : at - 1].strip(b" \t")
            start = at
        elif closing:
            # A quote that nobody closes is a character like others: it hides nothing that follows.
            quoted = _QUOTED.match(line, at - 1)
            closing = quoted is not None
            at = quoted.end() if quoted else at
    yield line[start:].strip(b" \t")


def _members(line: bytes) -> Iterator[tuple[bytes, Argument]]:
    for member in split_list(line):
        name, equals, rest = member.partition(b"=")
        if not equals:
            if name:
                yield name.lower(), Argument(None)
            continue
        # `max-age =1` is no directive at all, but `no-store =1` had better be one.
        value = rest if rest == rest.strip() and name == name.rstrip() else b"?"
        if _QUOTED.fullmatch(value):
            yield name.lower(), Argument(_ESCAPE.sub(rb"\1", value[1:-1]), quoted=True)
        else:
            yield name.strip().lower(), Argument(value)


def _names(argument: Argument) -> tuple[bytes, ...] | None:
    """The field names that a quoted argument lists; `None` when it is anything else."""
    if not argument.quoted or not argument.value:
        return None
    names = tuple(name.strip().lower() for name in argument.value.split(b","))
    return names if all(map(_TOKEN.fullmatch, names)) else None
