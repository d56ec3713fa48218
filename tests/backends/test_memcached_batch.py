"""Which answer is whose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.backends.memcached.client import Request, Response
from afresh.backends.memcached.wire.batch import Batch, Gets, Lines, Pairing, batch_of, may_repeat, packets
from afresh.backends.memcached.wire.codec import ProtocolError


def a_pairing(*batches: Batch) -> Pairing:
    pairing = Pairing()
    pairing.waiting.extend(batches)
    return pairing


@given(st.lists(st.lists(st.binary(max_size=9), min_size=1, max_size=4), max_size=5), st.data())
def test_each_batch_gets_its_own_answers_however_they_are_cut(
    values: list[list[bytes]], data: st.DataObject
) -> None:
    batches = [batch_of([Request("mg", b"k", ("v",))] * len(each), 1.0) for each in values]
    ended: list[int] = []
    for number, batch in enumerate(batches):
        batch.finished = lambda number=number: ended.append(number)
    pairing = a_pairing(*batches)
    stream = b"".join(b"VA %d\r\n%b\r\n" % (len(value), value) for each in values for value in each)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=9)))
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        if begin < end:
            pairing.feed(stream[begin:end])
    assert [[each.value for each in batch.answers()] for batch in batches] == values
    assert ended == list(range(len(batches)))


def test_an_answer_too_many_is_an_error() -> None:
    batch = batch_of([Request("mg", b"a")], 1.0)
    with pytest.raises(ProtocolError, match="nobody asked"):
        a_pairing(batch).feed(b"HD\r\nHD\r\n")
    with pytest.raises(ProtocolError, match="nobody asked"):
        a_pairing().feed(b"half")


def test_an_answer_to_another_command_is_an_error() -> None:
    with pytest.raises(ProtocolError):
        a_pairing(batch_of([Request("md", b"a")], 1.0)).feed(b"EN\r\n")


def test_after_a_refused_write_no_answer_is_believed() -> None:
    batch = batch_of([Request("ms", b"a", (), b"hi"), Request("mg", b"a", ("v",))], 1.0)
    pairing = a_pairing(batch)
    with pytest.raises(ProtocolError):
        pairing.feed(b"CLIENT_ERROR bad data chunk\r\nERROR\r\n")
    pairing.abandon("gone")
    refused, lost = batch.answers()
    assert (refused.status, refused.error) == ("CLIENT_ERROR", "CLIENT_ERROR bad data chunk")
    assert (lost.status, lost.error) == ("", "gone")


def test_who_waits_when_a_connection_ends_is_told_once() -> None:
    told: list[str] = []
    batches = [batch_of([Request("mg", b"a")], 1.0) for _ in range(2)]
    for batch in batches:
        batch.finished = lambda batch=batch: told.append(batch.trouble)
    pairing = a_pairing(*batches)
    pairing.feed(b"HD\r\n")
    pairing.abandon("it broke", old_news=True)
    pairing.abandon("again")
    assert told == ["", "it broke"]
    assert batches[0].answers() == [Response("HD")]
    assert batches[1].old_news
    assert batches[1].again().parts == batches[1].parts
    assert not batches[1].again().old_news


def test_quiet_reads_say_whose_they_are() -> None:
    gets = Gets.of([b"a", b"b b", b"c"], 1.0)
    assert b"".join(gets.parts) == b"mg a v q O0\r\nmg YiBi b v q O1\r\nmg c v q O2\r\nmn\r\n"
    pairing = a_pairing(gets)
    pairing.feed(b"VA 1 O0\r\nx\r\nSERVER_ERROR out of memory\r\nVA 1 O2\r\nz\r\nMN\r\n")
    assert gets.found == {0: b"x", 2: b"z"}
    assert not pairing.waiting


@pytest.mark.parametrize(
    "stream",
    [b"VA 1 O3\r\nx\r\n", b"VA 1 O1\r\nx\r\nVA 1 O1\r\nx\r\n", b"VA 1 O1\r\nx\r\nVA 1 O0\r\nx\r\n", b"VA 1\r\nx\r\n", b"HD O0\r\n"],
)  # fmt: skip
def test_a_quiet_answer_out_of_turn_is_an_error(stream: bytes) -> None:
    with pytest.raises(ProtocolError):
        a_pairing(Gets.of([b"a", b"b", b"c"], 1.0)).feed(stream)


def test_lines_end_with_end_or_an_error() -> None:
    lines = Lines(("", ""), [b"version\r\nstats settings\r\n"], 1.0)
    a_pairing(lines).feed(b"VERSION 1.6.18\r\nSTAT item_size_max 1048576\r\nSTAT a b c\r\nEND\r\n")
    assert lines.stats() == {"item_size_max": "1048576", "a": "b c"}
    refused = Lines(("",), [b"stats\r\n"], 1.0)
    pairing = a_pairing(refused)
    pairing.feed(b"ERROR\r\n")
    assert not pairing.waiting
    assert refused.stats() == {}


@pytest.mark.parametrize(
    ("request_", "repeatable"),
    [
        (Request("mg", b"a", ("v", "N30", "T9")), True),
        (Request("ms", b"a", ("T9", "F1"), b"x"), True),
        (Request("ms", b"a", ("C1",), b"x"), False),
        (Request("ms", b"a", ("ME",), b"x"), False),
        (Request("md", b"a"), True),
        (Request("md", b"a", ("C5",)), False),
        (Request("ma", b"a"), False),
    ],
)
def test_only_what_can_be_done_twice_is_sent_twice(request_: Request, *, repeatable: bool) -> None:
    assert may_repeat(request_) is repeatable


@given(st.lists(st.binary(min_size=1, max_size=40_000), max_size=8))
def test_a_tls_record_ends_where_a_request_ends(parts: list[bytes]) -> None:
    assert packets(parts, tls=False) == [b"".join(parts)]
    ready, ends = packets(parts, tls=True), set()
    assert b"".join(ready) == b"".join(parts)
    at = 0
    for part in parts:
        at += len(part)
        ends.add(at)
    at = 0
    for packet in ready:
        at += len(packet)
        assert at in ends
        assert len(packet) <= 16_384 or packet in parts
