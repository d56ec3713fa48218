"""The triggers that write the log, as text: one table's, from its layout.

They write in the same transaction as the change, so whoever makes it, in whatever language, is seen:

=== ===================================================================================
op
=== ===================================================================================
i   a row came: its values
d   a row went: its values
u   a row changed: its values before and after, and which columns; also if none did, so that
    every write leaves a word
r   a row that an INSERT may be about to replace; nothing else happens by itself in between
x   a row that may be about to be replaced
w   anything may have happened to the table
=== ===================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from afresh.db.watch.sqlite.keys import UniqueKey, quoted
from afresh.db.watch.sqlite.layout import MOST_BITS, Layout
from afresh.sql.schema.sqlite import OWN

LOG = f"{OWN}log"
LAYOUTS = f"{OWN}layout"

_PER_SUM = 20  # terms of one sum: SQLite's expressions have a depth


@dataclass(frozen=True, slots=True)
class Watched:
    """What the triggers of one table are made from.

    Args:
        name: The table's name.
        columns: The names of its columns, by how the catalogue spells them.
        layout: What the log says of it.
        keys: Its unique keys; None where they can't be looked up.
        number: The name of the row's number; empty if rows have none.
        untyped: Columns that hold values as they are given.
        alone: Nothing else fires where the table is written to.
        coarse: Its changes are told as changes of the whole table: what else fires may keep later
            triggers from firing.
    """

    name: str
    columns: Mapping[str, str]
    layout: Layout
    keys: Sequence[UniqueKey] | None
    number: str = ""
    untyped: frozenset[str] = frozenset()
    alone: bool = False
    coarse: bool = False

    def triggers(self) -> dict[str, str]:
        """The triggers, by name."""
        made = list(self._coarse() if self.coarse else self._exact())
        return {name: f"CREATE TRIGGER {name} {text}" for name, text in made}

    # -- each of them ---------------------------------------------------------------------------

    def _exact(self) -> Iterator[tuple[str, str]]:
        new, old = self._image("NEW"), self._image("OLD")
        yield self._trigger("i", "AFTER INSERT", "i", "0", new)
        yield self._trigger("d", "AFTER DELETE", "d", "0", old)
        yield self._trigger("u", "AFTER UPDATE", "u", self._mask(), [*old, *new])
        if self.keys is None:
            yield self._trigger("r", "BEFORE INSERT", "w", "0", [])
            yield self._trigger("x", "BEFORE UPDATE", "w", "0", [])
            return
        if self.keys:
            yield self._replaced("r", "BEFORE INSERT")
            when = " OR ".join(key.moves() for key in self.keys)
            yield self._replaced("x", "BEFORE UPDATE", f" WHEN {when}")

    def _coarse(self) -> Iterator[tuple[str, str]]:
        for letter, event in (("i", "INSERT"), ("d", "DELETE"), ("u", "UPDATE")):
            yield self._trigger(letter, f"BEFORE {event}", "w", "0", [])

    # -- text -----------------------------------------------------------------------------------

    def _trigger(self, letter: str, event: str, op: str, mask: str, values: Sequence[str]) -> tuple[str, str]:
        into = "".join(f", v{number}" for number in range(len(values)))
        given = "".join(f", {each}" for each in values)
        body = f"INSERT INTO {LOG} (layout, op, changed{into}) VALUES ({self.layout.number}, '{op}', {mask}{given});"  # noqa: S608
        return self._named(letter), self._text(event, "", body)

    def _replaced(self, letter: str, event: str, when: str = "") -> tuple[str, str]:
        """Before a row comes or moves: those that have one of its unique keys already."""
        table = quoted(self.name)
        image = [f"{table}.{quoted(self.columns[each])}" for each in self.layout.image]
        into = "".join(f", v{number}" for number in range(len(image)))
        matching = " OR ".join(
            key.matches(table) + (f" AND ({key.moves()})" if when else "") for key in self.keys or ()
        )
        body = (
            f"INSERT INTO {LOG} (layout, op, changed{into}) SELECT"  # noqa: S608
            f" {self.layout.number}, '{letter if self.alone else 'x'}', 0{''.join(f', {each}' for each in image)}"
            f" FROM {table} WHERE {matching};"
        )
        return self._named(letter), self._text(event, when, body)

    def _named(self, letter: str) -> str:
        return f"{OWN}{letter}_{self.layout.number:x}"

    def _text(self, event: str, when: str, body: str) -> str:
        return f"{event} ON {quoted(self.name)} FOR EACH ROW{when} BEGIN {body} END"

    def _image(self, row: str) -> list[str]:
        return [f"{row}.{quoted(self.columns[each])}" for each in self.layout.image]

    def _mask(self) -> str:
        """A number with a bit for each column that changed, in the slightest."""
        terms = [_changed(self.columns[each], signed=each in self.untyped) for each in self.layout.bits]
        parts = [f"({term}) << {bit}" for bit, term in enumerate(terms[:MOST_BITS])]
        others = [*terms[MOST_BITS:], *([_changed(self.number, signed=False)] if self.number else [])]
        if others:
            parts.append(f"({_balanced(others, ' OR ')}) << {MOST_BITS}")
        return _balanced([f"({each})" for each in parts], " + ") if parts else "0"


def _changed(column: str, *, signed: bool) -> str:
    """Whether the values differ: 'a' and 'A' do, 1 and 1.0 do, and a zero of another sign where there is one."""
    old, new = f"OLD.{quoted(column)}", f"NEW.{quoted(column)}"
    differ = f"{old} IS NOT {new} COLLATE BINARY OR typeof({old}) IS NOT typeof({new})"
    return f"{differ} OR ({new} IS 0.0 AND typeof({new}) = 'real')" if signed else differ


def _balanced(terms: Sequence[str], operator: str) -> str:
    """Terms under one operator, as a tree that is not deep."""
    if len(terms) <= _PER_SUM:
        return operator.join(terms)
    groups = [terms[at : at + _PER_SUM] for at in range(0, len(terms), _PER_SUM)]
    return operator.join(f"({_balanced(each, operator)})" for each in groups)
