"""Keys of any bytes in 250 printable ones."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from afresh.backends.memcached.keys import on_the_wire

KEYS = st.one_of(st.binary(max_size=400), st.text("ab~0f", min_size=180, max_size=260).map(str.encode))


def test_what_can_stand_as_it_is_stands_as_it_is() -> None:
    assert on_the_wire(b"shop:product:17") == (b"shop:product:17", b"")
    assert on_the_wire("prix:été".encode()) == ("prix:été".encode(), b"")
    assert on_the_wire(b"x" * 250) == (b"x" * 250, b"")


def test_other_bytes_travel_as_base64() -> None:
    for key in (b"a b", b"\x00" * 186, b"line\r\nend", b"\x7f"):
        wire, flag = on_the_wire(key)
        assert flag == b" b"
        assert base64.b64decode(wire) == key
        assert len(wire) <= 250


def test_what_is_too_long_keeps_its_beginning() -> None:
    wire, flag = on_the_wire(b"shop:search:" + b"x" * 300)
    assert wire.startswith(b"shop:search:xxx")
    assert flag == b""
    assert on_the_wire(b"\x00" * 188)[0].startswith(b"_" * 150 + b"~")


def test_nobody_can_name_the_digest_of_another_key() -> None:
    long = b"x" * 300
    digested, _ = on_the_wire(long)
    assert on_the_wire(digested)[0] != digested


@given(st.lists(KEYS, min_size=2, max_size=20, unique=True))
def test_keys_are_sendable_and_stay_different(keys: list[bytes]) -> None:
    sent = [on_the_wire(key) for key in keys]
    for wire, _ in sent:
        assert 0 < len(wire) <= 250
        assert not set(wire) & {*range(0x21), 0x7F}
    assert len({base64.b64decode(wire) if flag else wire for wire, flag in sent}) == len(keys)
