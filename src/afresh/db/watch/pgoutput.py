"""What PostgreSQL's built-in plugin `pgoutput` sends (protocol version 1), as Python. Pure.

Rows stay bytes until somebody asks for them: a transaction of many rows of one table is soon a change
of the table, whose other rows are only counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Literal, TypeAlias

Operation: TypeAlias = Literal["insert", "update", "delete"]
Values: TypeAlias = dict[str, str | None]
"""Column → value as text; a column that wasn't sent is missing."""

_BEGIN = Struct(">QqI")  # position of the commit, its time, transaction
_COMMIT = Struct(">BQQq")  # flags, position, where it ends, its time
_MESSAGE = Struct(">BQ")  # flags, position
_COLUMN = Struct(">Ii")  # type, modifier
_U8, _U16, _U32 = Struct(">B"), Struct(">H"), Struct(">I")
_IN_KEY = 1
_TO_2000 = 946_684_800  # seconds from 1970 to PostgreSQL's beginning of time
_OPERATIONS: dict[int, Operation] = {ord("I"): "insert", ord("U"): "update", ord("D"): "delete"}


class Malformed(ValueError):
    """This isn't what `pgoutput` sends."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A transaction begins: the lower 32 bits of its number, and when it was committed (since 1970)."""

    xid: int
    committed: float


@dataclass(frozen=True, slots=True)
class Commit:
    """The transaction ends; `end` is the position behind it, which may be confirmed."""

    end: int
    committed: float


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is sent; `key`: it belongs to what identifies a row."""

    name: str
    key: bool
    type: int
    modifier: int


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, told before its first row and when it has changed."""

    number: int
    schema: str
    name: str
    identity: str  # d: primary key, f: the whole row, i: an index, n: nothing
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A row came, went or changed.

    Args:
        operation: Which of these.
        relation: Number of the table.
        payload: The rows, undivided.
    """

    operation: Operation
    relation: int
    payload: bytes

    def rows(self, relation: Relation) -> tuple[Values | None, Values | None]:
        """The row before and after, as far as they were sent. The one before may be its key alone.

        Raises:
            Malformed: It can't be divided.
        """
        found: dict[str, Values] = {}
        reader = _Reader(self.payload, 0)
        while not reader.done:
            kind = chr(reader.number(_U8))
            if kind not in "KON" or kind in found:
                raise Malformed(f"a row of kind {kind!r}")
            found[kind] = _row(reader, relation, key=kind == "K")
        return found.get("O", found.get("K")), found.get("N")


@dataclass(frozen=True, slots=True)
class Truncate:
    """Tables were emptied."""

    relations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote into the log by `pg_logical_emit_message`."""

    transactional: bool
    prefix: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Other:
    """Types and origins, which change nothing."""


Message: TypeAlias = Begin | Commit | Relation | Change | Truncate | Note | Other


def parse(data: bytes) -> Message:
    """One message.

    Raises:
        Malformed: It is none of this protocol.
    """
    if not data:
        raise Malformed("an empty message")
    reader = _Reader(data, 1)
    operation = _OPERATIONS.get(data[0])
    if operation is not None:
        return Change(operation, reader.number(_U32), data[reader.at :])
    make = _OTHERS.get(data[0])
    if make is None:
        raise Malformed(f"a message of kind {chr(data[0])!r}")
    found = make(reader)
    if not reader.done:
        raise Malformed("more than the message")
    return found


class _Reader:
    """Takes a message apart from left to right."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at

    @property
    def done(self) -> bool:
        return self.at == len(self.data)

    def numbers(self, form: Struct) -> tuple[int, ...]:
        start, self.at = self.at, self.at + form.size
        if self.at > len(self.data):
            raise Malformed("the message ends too early")
        return form.unpack_from(self.data, start)

    def number(self, form: Struct) -> int:
        return self.numbers(form)[0]

    def take(self, length: int) -> bytes:
        start, self.at = self.at, self.at + length
        if self.at > len(self.data):
            raise Malformed("the message ends too early")
        return self.data[start : self.at]

    def string(self) -> str:
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise Malformed("a name without an end")
        found = _text(self.data[self.at : end])
        self.at = end + 1
        return found

    def rest(self) -> None:
        self.at = len(self.data)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Malformed("text that isn't UTF-8") from error


def _row(reader: _Reader, relation: Relation, *, key: bool) -> Values:
    """One row. In a key alone, the other columns are sent as NULL, which says nothing of them."""
    count = reader.number(_U16)
    if count != len(relation.columns):
        raise Malformed(f"{count} columns of a table of {len(relation.columns)}")
    values: Values = {}
    for column in relation.columns:
        kind = reader.number(_U8)
        if kind == ord("t"):
            values[column.name] = _text(reader.take(reader.number(_U32)))
        elif kind == ord("n"):
            if column.key or not key:
                values[column.name] = None
        elif kind != ord("u"):  # a long value that didn't change isn't sent
            raise Malformed(f"a value of kind {chr(kind)!r}")
    return values


def _time(microseconds: int) -> float:
    return microseconds / 1_000_000 + _TO_2000


def _begin(reader: _Reader) -> Begin:
    _, at, xid = reader.numbers(_BEGIN)
    return Begin(xid, _time(at))


def _commit(reader: _Reader) -> Commit:
    _, _, end, at = reader.numbers(_COMMIT)
    return Commit(end, _time(at))


def _relation(reader: _Reader) -> Relation:
    number, schema, name = reader.number(_U32), reader.string(), reader.string()
    identity = chr(reader.number(_U8))
    columns = tuple(_column(reader) for _ in range(reader.number(_U16)))
    return Relation(number, schema or "pg_catalog", name, identity, columns)


def _column(reader: _Reader) -> Column:
    flags, name = reader.number(_U8), reader.string()
    kind, modifier = reader.numbers(_COLUMN)
    return Column(name, bool(flags & _IN_KEY), kind, modifier)


def _truncate(reader: _Reader) -> Truncate:
    count, _ = reader.number(_U32), reader.number(_U8)
    return Truncate(tuple(reader.number(_U32) for _ in range(count)))


def _note(reader: _Reader) -> Note:
    flags, _ = reader.numbers(_MESSAGE)
    prefix = reader.string()
    return Note(bool(flags & 1), prefix, reader.take(reader.number(_U32)))


def _other(reader: _Reader) -> Other:
    reader.rest()
    return Other()


_OTHERS: dict[int, Callable[[_Reader], Message]] = {
    ord("B"): _begin,
    ord("C"): _commit,
    ord("R"): _relation,
    ord("T"): _truncate,
    ord("M"): _note,
    ord("Y"): _other,
    ord("O"): _other,
}
