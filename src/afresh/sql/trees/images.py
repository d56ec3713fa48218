"""The query for a write's old image: the rows that it is about to change, cut out of its own text.

Nothing is translated: table and WHERE are taken from the statement as they stand, so that the query
finds what the write will find; where the same condition may find other rows a moment later, there is no
such query. It locks what it finds where the database can: a row that moved between
the two would be looked for in the wrong place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from afresh.sql.text.functions import steady
from afresh.sql.text.holes import Parameter, Parameters
from afresh.sql.text.lexer import Token
from afresh.sql.text.shape import Shaped
from afresh.sql.trees.values import Get
from afresh.sql.trees.writes import Write

_ENDS = frozenset({"returning", "order", "limit"})


@dataclass(frozen=True, slots=True)
class OldImage:
    """A query for the rows that a write is about to change.

    Args:
        sql: The query, in the paramstyle of the statement.
        columns: What it selects, in order.
        positions: Which parameters of the statement are the query's; None if they are given by name.
        gets: What takes the query's parameters from those of the statement instead; None if nothing has to.
    """

    sql: str
    columns: tuple[str, ...]
    positions: tuple[int, ...] | None
    gets: tuple[Get, ...] | None = None

    def parameters(self, given: Parameters) -> Any:
        """The query's parameters, from those of the statement."""
        if self.gets is not None:
            return tuple(get(given) for get in self.gets)
        if self.positions is None:
            return given
        return tuple(given[position] for position in self.positions)  # type: ignore[index]

    def images(self, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """Rows of the answer as images."""
        return [dict(zip(self.columns, row, strict=True)) for row in rows]

    @classmethod
    def of(cls, write: Write, shaped: Shaped, paramstyle: str, *, lock: bool = False) -> OldImage | None:
        """The query for an UPDATE or DELETE of one table; None if it has no simple one.

        Args:
            write: What is written.
            shaped: The statement, divided.
            paramstyle: How its parameters stand in it.
            lock: Ask for the rows FOR UPDATE.
        """
        columns = sorted({name for shape in write.table.shapes() for name in shape})
        pieces = _pieces(shaped.tokens) if write.operation in {"update", "delete"} and columns else None
        if pieces is None:
            return None
        target, where = pieces
        if not steady(where, "" if lock else "sqlite"):
            return None
        slots = [shaped.slots.get(token.start) for token in where]
        keys = [slot.key for slot in slots if isinstance(slot, Parameter)]
        positional = all(isinstance(key, int) for key in keys)
        if paramstyle == "numeric" or not (positional or all(isinstance(key, str) for key in keys)):
            return None
        text = _text(target) + _where(where, slots, paramstyle)
        quote = "`" if any(token.text.startswith("`") for token in target) else '"'
        selected = ", ".join(f"{quote}{name}{quote}" for name in columns)
        positions = tuple(key for key in keys if isinstance(key, int)) if positional else None
        ending = " FOR UPDATE" if lock else ""
        return cls(f"SELECT {selected} FROM {text}{ending}", tuple(columns), positions)  # noqa: S608


def _pieces(found: Sequence[Token]) -> tuple[list[Token], list[Token]] | None:
    """The table and the WHERE of an UPDATE or DELETE, if it is a plain one."""
    words = [token.text.lower() if token.type == "word" else "" for token in found]
    if words[:1] == ["update"]:
        start, end = 1, _top(found, words, {"set"}, 1)
    elif words[:2] == ["delete", "from"]:
        start, end = 2, _top(found, words, {"where", *_ENDS}, 2)
    else:
        return None
    where = _top(found, words, {"where"}, end)
    last = _top(found, words, _ENDS, where)
    between = _top(found, words, {"from", "using", "join"}, end)
    target = list(found[start:end])
    plain = all(token.type in {"word", "quoted"} or token.text == "." for token in target)
    if not plain or between < where or {"or", "only"} & set(words[start:end]):
        return None
    if last < len(found) and words[last] != "returning":  # ORDER BY and LIMIT choose among the rows
        return None
    if any(token.text == ";" for token in found[:-1]):
        return None
    return target, [token for token in found[where:last] if token.text != ";"]


def _top(found: Sequence[Token], words: Sequence[str], wanted: set[str] | frozenset[str], start: int) -> int:
    """Where one of these words stands outside of brackets, or the end."""
    depth = 0
    for index in range(start, len(found)):
        if found[index].type == "mark":
            depth += (found[index].text == "(") - (found[index].text == ")")
        if depth == 0 and words[index] in wanted:
            return index
    return len(found)


def _text(found: Sequence[Token]) -> str:
    return " ".join(token.text for token in found).replace(" . ", ".")


def _where(found: Sequence[Token], slots: Sequence[Any], paramstyle: str) -> str:
    """The WHERE, with `$1` numbered anew."""
    if paramstyle == "dollar":
        numbers = iter(range(1, len(found) + 1))
        words = [
            f"${next(numbers)}" if isinstance(slot, Parameter) else token.text
            for token, slot in zip(found, slots, strict=True)
        ]
    elif paramstyle == "sqlite" and any(
        token.text[1:].isdecimal() for token in found if token.type == "parameter"
    ):
        words = [
            "?" if isinstance(slot, Parameter) else token.text
            for token, slot in zip(found, slots, strict=True)
        ]
    else:
        words = [token.text for token in found]
    return "".join(f" {word}" for word in words)
