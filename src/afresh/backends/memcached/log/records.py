"""Records of the log as bytes."""

from __future__ import annotations

from struct import Struct, error

from afresh.backends.replica.remote import Record, What

_FORMAT = 1
_HEAD = Struct("<BBIQQQQ")
"""Format, kind, count of tags; the first and the last number, the intent, its owner. Tags follow."""


def packed(record: Record) -> bytes:
    """A record as bytes."""
    tags = record.tags
    head = _HEAD.pack(_FORMAT, record.what, len(tags), record.first, record.last, record.intent, record.owner)
    return head + Struct(f"<{len(tags)}Q").pack(*tags)


def unpacked(data: bytes, at: int = 0) -> Record | None:
    """The record that begins at a byte; `None` if that is none of this release."""
    try:
        form, what, count, first, last, intent, owner = _HEAD.unpack_from(data, at)
        if form != _FORMAT:
            return None
        tags = Struct(f"<{count}Q").unpack_from(data, at + _HEAD.size)
        return Record(first, last, What(what), tags, intent, owner)
    except (error, ValueError):
        return None


def length(record: Record) -> int:
    """How many bytes it takes."""
    return _HEAD.size + 8 * len(record.tags)


def nothing(number: int) -> Record:
    """A record that changes nothing: for a number that was taken and is not needed."""
    return Record(number, number, What.SETTLE, owner=1)


def everything(number: int) -> Record:
    """A record that says more than any other."""
    return Record(number, number, What.EVERYTHING)
