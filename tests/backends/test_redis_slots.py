"""Which slot a key belongs to, by the examples of the specification; what nodes say of slots."""

from __future__ import annotations

import pytest

from afresh.backends.endpoint import Endpoint
from afresh.backends.redis.topology.slots import moved_to, ranges, slot_of

ASKED = Endpoint("asked", 1)


@pytest.mark.parametrize(
    ("key", "slot"),
    [(b"123456789", 0x31C3), ("123456789", 0x31C3), (b"", 0), (b"foo", 12182), (1, 9842)],
)
def test_the_slot_of_a_key(key, slot):
    assert slot_of(key) == slot % 16384


@pytest.mark.parametrize(
    ("key", "like"),
    [
        (b"{user1000}.following", b"user1000"),
        (b"foo{{bar}}zap", b"{bar"),
        (b"foo{bar}{zap}", b"bar"),
        ("é{ü}", "ü"),
    ],
)
def test_a_hash_tag_decides(key, like):
    assert slot_of(key) == slot_of(like)


@pytest.mark.parametrize("key", [b"foo{}{bar}", b"}foo{", b"a{b"])
def test_what_is_no_hash_tag_does_not(key):
    import binascii

    assert slot_of(key) == binascii.crc_hqx(key, 0) % 16384


def test_a_node_without_a_name_is_where_it_was_asked():
    reply = [
        [0, 5, [b"10.0.0.1", 7000, b"id"], [b"10.0.0.2", 7000, b"id"]],
        [6, 7, [b"", 7001, b"id"]],
        [8, 9, [None, 7002, b"id"]],
        [10, 11, [b"?", 7003, b"id"]],
    ]
    assert list(ranges(reply, ASKED)) == [
        (0, 5, Endpoint("10.0.0.1", 7000)),
        (6, 7, Endpoint("asked", 7001)),
        (8, 9, Endpoint("asked", 7002)),
    ]


def test_where_a_refusal_sends_one():
    assert moved_to("MOVED 3999 127.0.0.1:6381", "h") == (3999, Endpoint("127.0.0.1", 6381))
    assert moved_to("ASK 3999 ::1:6381", "h") == (3999, Endpoint("::1", 6381))
    assert moved_to("MOVED 3999 :6381", "h") == (3999, Endpoint("h", 6381))
