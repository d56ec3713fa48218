"""How envelopes stand in items, what was cleared, and what a server still has to forget."""

from __future__ import annotations

import math

import pytest

from afresh.backends.memcached.client import Response
from afresh.backends.memcached.store.cleared import Cleared, Clearing, Clearings
from afresh.backends.memcached.store.form import FILL, PUT, Stored, life, put_since, unpacked
from afresh.backends.memcached.store.owed import MOST, Owed

NOW = 1_800_000_000.5


@pytest.mark.parametrize("kind", [FILL, PUT])
@pytest.mark.parametrize("envelope", [b"", b"\x01" * 100])
@pytest.mark.parametrize(("stamp", "expires"), [(2**53, math.inf), (-5, 0.0), (0, NOW)])
def test_an_item_comes_back_as_it_was(kind: int, envelope: bytes, stamp: int, expires: float) -> None:
    stored = Stored(kind, 2**60, stamp, expires, envelope)
    assert unpacked(stored.packed()) == stored


@pytest.mark.parametrize("value", [None, b"", b"\x01", b"\x02" + b"x" * 100])
def test_what_is_none_of_ours_is_nothing(value: bytes | None) -> None:
    assert unpacked(value) is None


@pytest.mark.parametrize(
    ("expires", "flag"),
    [
        (math.inf, "T0"),
        (-math.inf, "T1"),
        (NOW - 1, "T1"),
        (NOW + 0.1, "T2"),
        (NOW + 100, "T101"),
        (NOW + 30 * 24 * 3600, f"T{int(NOW) + 30 * 24 * 3600 + 2}"),
        (2.0**40, "T0"),
    ],
)
def test_the_server_never_forgets_too_early(expires: float, flag: str) -> None:
    assert life(expires, NOW) == flag


def test_a_clearing_hides_what_was_put_before_it() -> None:
    before, after = (Stored(PUT, number, 0, NOW, b"") for number in (4, 5))
    clearings = Clearings((Clearing(1, b""), Clearing(5, b"a:x")))
    assert clearings.hide(before, b"a:xy")
    assert not clearings.hide(before, b"a:y")
    assert not clearings.hide(after, b"a:xy")
    assert Clearings(()).hide(after, b"a:y"), "without a list nobody can tell"


@pytest.mark.parametrize("kind", [FILL, PUT])
@pytest.mark.parametrize("number", [4, 5, 2**60])
def test_what_was_put_since_the_last_clearing_is_never_hidden(kind: int, number: int) -> None:
    stored = Stored(kind, number, -1, NOW, b"1")
    clearings = Clearings((Clearing(1, b""), Clearing(5, b"a:x")), last=5)
    since = put_since(stored.packed(), clearings.last)
    assert since == (kind == PUT and number >= 5)
    assert not (since and clearings.hide(stored, b"a:x"))


@pytest.mark.parametrize("value", [None, b"", b"\x00" * 5, b"\x01" * 40])
def test_a_list_that_cannot_be_read_is_none(value: bytes | None) -> None:
    assert Cleared.of(Response("VA", ("c7",), value)) == Clearings((), "7")


def test_what_is_owed_is_remembered_until_it_is_paid() -> None:
    owed = Owed()
    assert not owed
    owed.key(1, b"a")
    owed.key(1, b"b")
    owed.prefix(2, b"p")
    assert (owed.servers(), len(owed), bool(owed)) == ([1, 2], 3, True)
    keys, prefixes = owed.of(1)
    owed.key(1, b"c")  # while the first ones are delivered
    owed.paid(1, keys, prefixes)
    assert owed.of(1) == ({b"c"}, frozenset())
    owed.paid(1, *owed.of(1))
    owed.paid(2, *owed.of(2))
    assert not owed


def test_too_many_keys_become_everything() -> None:
    owed = Owed()
    for number in range(MOST + 1):
        owed.key(0, b"%d" % number)
    assert owed.of(0) == (frozenset(), {b""})


def test_a_child_of_a_fork_owes_nothing() -> None:
    owed = Owed()
    owed.key(0, b"a")
    owed.after_fork()
    assert not owed
