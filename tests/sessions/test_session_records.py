"""Records and names."""

from __future__ import annotations

from afresh.sessions.records import Names, Stored, new_id, packed, unpacked


def test_a_record_holds_its_end():
    record = packed(Stored(b"ann", 10.5))
    assert unpacked(record, 10.4) == (b"ann", 10.5)
    assert unpacked(record, 10.5) is None


def test_what_is_no_record_is_no_session():
    assert unpacked(None, 0) is None
    assert unpacked(b"short", 0) is None


def test_names_are_digests_that_no_clear_finds():
    sid = new_id()
    (name,) = Names("shop", "secret").of(sid)
    assert sid not in name
    assert ":" not in name
    assert [name] != Names("shop", "another").of(sid)
    assert [name] != Names("blog", "secret").of(sid)
    assert Names("shop", ["newer", b"secret"]).of(sid)[1] == name


def test_ids_are_long_and_of_one_kind():
    assert len({new_id() for _ in range(100)}) == 100
    assert all(len(new_id()) == 43 for _ in range(10))
