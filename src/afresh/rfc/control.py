"""Which directives govern a response: a targeted field's, else those of `Cache-Control`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from afresh.rfc.directives import Argument, Directives, parse_directives
from afresh.rfc.fields import Fields
from afresh.rfc.settings import Settings
from afresh.rfc.structured import Member, Other, parse_dictionary


class Control(NamedTuple):
    """The directives of a response, and whether a targeted field has them (RFC 9213)."""

    directives: Directives
    targeted: bool = False


def control_of(fields: Fields, settings: Settings) -> Control:
    """The first targeted field that is valid and not empty, else `Cache-Control` (RFC 9213 §2.2).

    A targeted field that is there makes `Cache-Control` and `Expires` count for nothing (§2.1).
    """
    for name in settings.targets:
        lines = fields.get_all(name)
        members = parse_dictionary(lines) if lines else None
        if members:
            return Control(Directives(_of_structured(members)), targeted=True)
    return Control(parse_directives(fields.get_all(b"cache-control")))


def _of_structured(members: dict[str, Member]) -> Iterator[tuple[bytes, Argument]]:
    """Structured members as directives: a number in quotes or with a point is none (RFC 9213 §2.1)."""
    for name, value in members.items():
        if value is True:
            yield name.encode(), Argument(None)
        elif isinstance(value, int):
            yield name.encode(), Argument(b"%d" % value)
        elif isinstance(value, str):
            yield name.encode(), Argument(b"?" if value.isdigit() else value.encode(), quoted=True)
        else:
            yield name.encode(), Argument(value.text.encode() if isinstance(value, Other) else b"?")
