"""Ranges of bytes (RFC 9110 §14)."""

from __future__ import annotations

import re

_SPEC = re.compile(rb"(\d*)-(\d*)")
_MOST = 16  # ranges: more than these are no honest wish (RFC 9110 §14.2, §17.15)

WHOLE: list[tuple[int, int]] = []
"""What `parse_ranges` answers when the `Range` is to be ignored."""


def parse_ranges(value: bytes, length: int) -> list[tuple[int, int]] | None:
    """The ranges of a representation that are wished for, from and to, in order, joined where they touch.

    Args:
        value: Of `Range`.
        length: Bytes of the whole.

    Returns:
        `WHOLE` when the field is malformed, of another unit or asks for too much: it may always be
        ignored (§14.2). `None` when nothing of it exists: 416.
    """
    unit, equals, rest = value.partition(b"=")
    specs = [each.strip(b" \t") for each in rest.split(b",")]
    if unit.strip().lower() != b"bytes" or not equals or len(specs) > _MOST:
        return WHOLE
    found: list[tuple[int, int]] = []
    for spec in filter(None, specs):
        span = _span(spec, length)
        if span is None:
            return WHOLE
        if span[0] < span[1]:
            found.append(span)
    if not any(specs):
        return WHOLE
    return _joined(found) if found else None


def _span(spec: bytes, length: int) -> tuple[int, int] | None:
    """From and to of one range; empty when it is beyond the end; `None` when it is malformed."""
    match = _SPEC.fullmatch(spec)
    if not match or spec == b"-" or len(spec) > 40:
        return None
    first, last = match.groups()
    if not first:
        return max(0, length - int(last)), length
    if last and int(last) < int(first):
        return None
    return int(first), min(length, int(last) + 1) if last else length


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    spans.sort()
    joined = spans[:1]
    for start, stop in spans[1:]:
        if start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(stop, joined[-1][1])
        else:
            joined.append((start, stop))
    return joined
