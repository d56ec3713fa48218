"""The envelope's format, and that what is damaged, foreign or moved is told."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afresh.codecs.envelope import CHECKSUM, FAILED, PINNED, Unreadable, head, unwrap, wrap
from afresh.core.entry import Facts

FACTS = Facts("shop.product(7)", 12, frozenset({1, 2**64 - 1}), ("a", ""), 1.0, 2.0, 3.0, 4.0, 5.0)
FRONT = head(FACTS, codec=1, flags=PINNED, epoch=2**64 - 1, schema=9)
WHOLE = wrap(FRONT, b"payload", FACTS.key)

times = st.floats(allow_nan=False)
all_facts = st.builds(
    Facts,
    key=st.text(),
    stamp=st.integers(-(2**63), 2**63 - 1),
    tags=st.frozensets(st.integers(0, 2**64 - 1), max_size=40),
    names=st.lists(st.text(st.characters())).map(tuple),
    loaded_at=times,
    cost=times,
    soft=times,
    stale_until=times,
    error_until=times,
    failed=st.booleans(),
)


@given(all_facts, st.integers(0, 2**64 - 1), st.binary())
@settings(deadline=None)
def test_everything_comes_back(facts: Facts, epoch: int, payload: bytes) -> None:
    flags = FAILED if facts.failed else 0
    data = wrap(head(facts, codec=1, flags=flags, epoch=epoch, schema=5), payload, facts.key)
    codec, found, back_epoch, schema, back, begin = unwrap(data, facts.key)
    assert (codec, found, back_epoch, schema, back) == (1, flags, epoch, 5, facts)
    assert data[begin:-CHECKSUM] == payload


def test_the_format_is_fixed() -> None:
    front = struct.pack("<3sBBBIIQqQddddd", b"afr", 1, 1, PINNED, 2, 3, 2**64 - 1, 12, 9, 1, 2, 3, 4, 5)
    tags = struct.pack("<2Q", *FACTS.tags)
    before = front + tags + b"\xffa\xff" + b"payload"
    assert before[:-7] == FRONT
    assert before + struct.pack("<I", zlib.crc32(b"shop.product(7)" + before)) == WHOLE


def test_every_truncation_and_every_flipped_bit_is_told() -> None:
    for length in range(len(WHOLE)):
        with pytest.raises(Unreadable):
            unwrap(WHOLE[:length], FACTS.key)
    for bit in range(len(WHOLE) * 8):
        changed = bytearray(WHOLE)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Unreadable):
            unwrap(bytes(changed), FACTS.key)


@pytest.mark.parametrize("key", ["shop.product(8)", "", "shop.product(7)\0"])
def test_an_envelope_belongs_to_its_key(key: str) -> None:
    with pytest.raises(Unreadable, match="another key"):
        unwrap(WHOLE, key)


def _signed(data: bytes) -> bytes:
    """With the checksum of a hostile writer, who can count too."""
    return data + struct.pack("<I", zlib.crc32(FACTS.key.encode() + data))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_signed(b"AFR" + WHOLE[3:-4]), "not an envelope"),
        (_signed(b"afr\x02" + WHOLE[4:-4]), "format 2"),
        (_signed(WHOLE[:6] + struct.pack("<I", 2**32 - 1) + WHOLE[10:-4]), "shorter than it says"),
        (_signed(WHOLE[:10] + struct.pack("<I", 2**32 - 1) + WHOLE[14:-4]), "shorter than it says"),
        (b"", "too short"),
    ],
)
def test_what_is_not_ours_is_told_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        unwrap(data, FACTS.key)


def test_many_tags() -> None:
    many = Facts("k", 1, frozenset(range(5000)))
    assert unwrap(wrap(head(many, codec=1, flags=0, epoch=1, schema=1), b"", "k"), "k")[4] == many


def test_facts_that_were_read_are_like_others() -> None:
    read: Any = unwrap(WHOLE, FACTS.key)[4]
    assert hash(read) == hash(FACTS)
    assert repr(read) == repr(FACTS)
    assert read.hard == 5.0
