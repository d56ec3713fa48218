"""The fields of a message: an immutable sequence of names and values, as ASGI has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

Pair: TypeAlias = tuple[bytes, bytes]
"""The name of a field in lower case, and one line's value."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Fields in the order in which they came. Names are in lower case; `Fields.of` makes them so.

    A field that came in several lines stands here several times (RFC 9110 §5.2).
    """

    pairs: tuple[Pair, ...] = ()

    @classmethod
    def of(cls, pairs: Iterable[Iterable[bytes]]) -> Fields:
        """Fields from any pairs of bytes: names in lower case, white space around values gone (§5.5)."""
        return cls(tuple((name.lower(), value.strip(b" \t\r\n")) for name, value in pairs))

    def get(self, name: bytes) -> bytes | None:
        """The value of the field's first line, or `None`."""
        for each, value in self.pairs:
            if each == name:
                return value
        return None

    def get_all(self, name: bytes) -> tuple[bytes, ...]:
        """The values of all lines of this field."""
        return tuple([value for each, value in self.pairs if each == name])

    def combined(self, name: bytes) -> bytes | None:
        """All lines as one value, joined by commas (RFC 9110 §5.3), or `None` without any."""
        lines = self.get_all(name)
        return b", ".join(lines) if lines else None

    def members(self, name: bytes) -> tuple[bytes, ...]:
        """The members of a list whose members hold no quoted strings (RFC 9110 §5.6.1)."""
        stripped = (member.strip(b" \t") for line in self.get_all(name) for member in line.split(b","))
        return tuple([member for member in stripped if member])

    def names(self) -> frozenset[bytes]:
        """The names that occur."""
        return frozenset([name for name, _ in self.pairs])

    def without(self, names: Iterable[bytes]) -> Fields:
        """These fields without the named ones."""
        gone = frozenset(names)
        return Fields(tuple([pair for pair in self.pairs if pair[0] not in gone]))

    def replaced(self, pairs: Iterable[Pair]) -> Fields:
        """These fields with each named one replaced, all its lines, or added at the end."""
        new = tuple(pairs)
        return Fields(self.without([name for name, _ in new]).pairs + new)

    def __contains__(self, name: object) -> bool:
        return any(each == name for each, _ in self.pairs)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)
