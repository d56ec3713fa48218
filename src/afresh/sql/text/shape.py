"""From the text of a statement to its shape and its holes."""

from __future__ import annotations

from dataclasses import dataclass

from afresh.sql.text.holes import UNKNOWN, Hole, Literal, Parameter, Slot, number, string
from afresh.sql.text.lexer import INSIDE, Token, tokens

MARK = 910_000_000_000
"""Hole `i` stands in a shape as the number `MARK + i`, or as the string `~i~`."""

CLOCK_WORDS = frozenset({"now", "today", "tomorrow", "yesterday", "localtime"})
"""Strings that mean a time to some database: they stay in the shape."""


@dataclass(frozen=True, slots=True)
class Shaped:
    """A statement, divided.

    Args:
        text: The shape.
        holes: What stands in its holes.
        tokens: The tokens of the original text.
        slots: The slot of each token that is one, by the token's start.
    """

    text: str
    holes: tuple[Hole, ...]
    tokens: tuple[Token, ...]
    slots: dict[int, Slot]


def shaped(sql: str, dialect: str, paramstyle: str) -> Shaped:
    """Divide a statement into its shape and its values.

    Raises:
        Unlexable: It has no tokens that make sense.
    """
    found = tokens(sql, dialect, paramstyle)
    slots = _slots(found, dialect, paramstyle)
    writer = _Writer(found, slots)
    writer.run()
    return Shaped(" ".join(writer.out), tuple(writer.holes), tuple(found), slots)


def _slots(found: list[Token], dialect: str, paramstyle: str) -> dict[int, Slot]:
    """The slot of each literal and parameter, with the numbers of positional ones."""
    replaced = paramstyle in {"format", "pyformat"}
    slots: dict[int, Slot] = {}
    position = 0
    for token in found:
        text = token.text
        if token.type == "number":
            slots[token.start] = Literal(number(text, dialect))
        elif token.type == "string":
            value = string(text, dialect, replaced=replaced)
            if not (isinstance(value, str) and value.strip().lower() in CLOCK_WORDS):
                slots[token.start] = Literal(value)
        elif token.type == "parameter" and text != "%%":
            slots[token.start], position = _parameter(text, position)
        if replaced and token.type in {"string", "quoted", "raw"}:
            position += sum(1 for each in INSIDE.finditer(text) if each.group() != "%%" and not each.group(1))
    return slots


def _parameter(text: str, position: int) -> tuple[Slot, int]:
    if text in {"?", "%s", "%b", "%t"}:
        return Parameter(position), position + 1
    if text.startswith("%("):
        return Parameter(text[2:-2]), position
    name = text[1:]
    if name.isdecimal():
        return Parameter(int(name) - 1), max(position, int(name))
    return Parameter(name), position


class _Writer:
    """Writes the shape, token by token."""

    def __init__(self, found: list[Token], slots: dict[int, Slot]) -> None:
        self._tokens = found
        self._slots = slots
        self._at = 0
        self.out: list[str] = []
        self.holes: list[Hole] = []

    def run(self) -> None:
        before = ""
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            opens = token.text == "(" and token.type == "mark"
            if opens and before == "in" and self._list():
                continue
            if opens and before == "values" and self._rows():
                continue
            self._one(token)
            before = token.text.lower() if token.type == "word" else ""

    def _one(self, token: Token) -> None:
        slot = self._slots.get(token.start)
        self.out.append(
            "%" if token.text == "%%" else token.text if slot is None else self._hole(token, Hole((slot,)))
        )
        self._at += 1

    def _hole(self, token: Token, hole: Hole) -> str:
        self.holes.append(hole)
        index = len(self.holes) - 1
        return f"'~{index}~'" if token.type == "string" else str(MARK + index)

    def _list(self) -> bool:
        """An IN list of nothing but values: one hole."""
        at, members = self._at + 1, []
        while at + 1 < len(self._tokens):
            slot = self._slots.get(self._tokens[at].start)
            if slot is None or self._tokens[at + 1].text not in {",", ")"}:
                return False
            members.append(slot)
            at += 2
            if self._tokens[at - 1].text == ")":
                # Parameters and literals share a hole: what is in it makes no difference to the plan.
                self.out.append(f"({self._hole(Token('number', '', 0), Hole(tuple(members), several=True))})")
                self._at = at
                return True
        return False

    def _rows(self) -> bool:
        """The rows of VALUES, if they are alike: the first one, each of its holes one for all rows."""
        at, rows = self._at, []
        while at < len(self._tokens) and self._tokens[at].text == "(":
            end = self._closing(at)
            if end is None:
                return False
            rows.append(self._tokens[at:end])
            at = end
            if at < len(self._tokens) and self._tokens[at].text == ",":
                at += 1
            else:
                break
        pattern = [self._pattern(token) for token in rows[0]]
        if any([self._pattern(token) for token in row] != pattern for row in rows[1:]):
            return False
        for index, token in enumerate(rows[0]):
            if pattern[index] is not None:
                self.out.append(token.text)
            else:
                # A value that is a string in one row may be a parameter in the next.
                slots = tuple(self._slots[row[index].start] for row in rows)
                self.out.append(self._hole(token, Hole(slots, rows=True)))
        self._at = at
        return True

    def _pattern(self, token: Token) -> str | None:
        return None if token.start in self._slots else token.text.lower()

    def _closing(self, at: int) -> int | None:
        depth = 0
        for index in range(at, len(self._tokens)):
            text, kind = self._tokens[index].text, self._tokens[index].type
            if kind == "mark" and text == "(":
                depth += 1
            elif kind == "mark" and text == ")":
                depth -= 1
                if depth == 0:
                    return index + 1
        return None


def hole_of(value: object) -> int | None:
    """The number of the hole that a literal of a shape stands for, if it does."""
    text = str(value)
    if text.startswith("~") and text.endswith("~") and text[1:-1].isdecimal():
        return int(text[1:-1])
    if text.isdecimal() and len(text) == 12 and int(text) >= MARK:
        return int(text) - MARK
    return None


__all__ = ["CLOCK_WORDS", "MARK", "UNKNOWN", "Shaped", "hole_of", "shaped"]
