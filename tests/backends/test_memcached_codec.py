"""The meta protocol: what is sent, what is read, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.backends.memcached.client import Request, Response
from afresh.backends.memcached.wire.codec import (
    LARGEST_VALUE,
    LONGEST_LINE,
    Decoder,
    ProtocolError,
    as_it_came,
    checked,
    encode,
    last_word,
    sole_answer,
)

FLAG = st.from_regex(r"[a-zA-Z][!-~]{0,20}", fullmatch=True)
FLAGS = st.lists(FLAG, max_size=4).map(tuple)
ANSWER = st.one_of(
    st.builds(Response, st.sampled_from(["HD", "EN", "NF", "NS", "EX", "MN"]), FLAGS, st.none(), st.just("")),
    st.builds(
        Response, st.just("VA"), FLAGS, st.one_of(st.binary(max_size=60), st.just(b"\r\nHD\r\n")), st.just("")
    ),
    st.sampled_from(["ERROR", "CLIENT_ERROR bad", "SERVER_ERROR out of memory"]).map(
        lambda line: Response(line.split()[0], (), None, line)
    ),
)


def wire(response: Response) -> bytes:
    if response.error:
        return response.error.encode() + b"\r\n"
    words = [
        response.status,
        *([str(len(response.value))] if response.value is not None else []),
        *response.flags,
    ]
    body = b"" if response.value is None else response.value + b"\r\n"
    return " ".join(words).encode() + b"\r\n" + body


def decoded(decoder: Decoder) -> list[Response]:
    found = []
    while (response := decoder.next()) is not None:
        found.append(response)
    return found


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        (Request("mg", b"a", ("v", "N30")), b"mg a v N30\r\n"),
        (Request("mg", b"a"), b"mg a\r\n"),
        (Request("mg", b"a b", ("v",)), b"mg YSBi b v\r\n"),
        (Request("ms", b"a", ("T60",), b"hi"), b"ms a 2 T60\r\nhi\r\n"),
        (Request("ms", b"a"), b"ms a 0\r\n\r\n"),
        (Request("md", b"a", ("I", "T9")), b"md a I T9\r\n"),
        (Request("ma", b"n", ("N0", "J5")), b"ma n N0 J5\r\n"),
        (Request("mn", b""), b"mn\r\n"),
        (Request("me", b"a"), b"me a\r\n"),
    ],
)
def test_requests_are_written(request_: Request, sent: bytes) -> None:
    assert encode(request_) == sent


@pytest.mark.parametrize("flag", ["", "v v", "v\r\nflush_all", "v\nx", "é", "q"])
@pytest.mark.parametrize("command", ["mg", "ms"])
def test_a_flag_can_not_smuggle_a_command(command: str, flag: str) -> None:
    with pytest.raises(ValueError, match="flag"):
        encode(Request(command, b"a", (flag,)))


def test_a_key_can_not_smuggle_a_command() -> None:
    assert encode(Request("mg", b"a\r\nflush_all")).count(b"\r\n") == 1


def test_other_commands_are_refused() -> None:
    with pytest.raises(ValueError, match="no meta command"):
        encode(Request("flush_all", b""))


@given(st.lists(ANSWER, max_size=8), st.data())
def test_answers_are_the_same_however_they_are_cut(answers: list[Response], data: st.DataObject) -> None:
    stream = b"".join(map(wire, answers))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    decoder, found = Decoder(), []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        decoder.feed(stream[begin:end])
        found += decoded(decoder)
    assert found == answers
    assert decoder.rest == 0


@given(ANSWER)
def test_answers_may_come_byte_by_byte(answer: Response) -> None:
    decoder, stream = Decoder(), wire(answer)
    for at in range(len(stream)):
        assert decoder.next() is None
        assert decoder.missing <= len(stream) - at
        decoder.feed(stream[at : at + 1])
    assert decoder.next() == answer


@given(st.binary(max_size=200))
def test_noise_is_an_answer_or_an_error_and_nothing_else(noise: bytes) -> None:
    decoder = Decoder()
    decoder.feed(noise)
    try:
        decoded(decoder)
    except ProtocolError:
        return
    assert decoder.rest <= len(noise)


@pytest.mark.parametrize(
    "stream",
    [
        b"HELLO\r\n",
        b"\r\n",
        b"VA x\r\n",
        b"VA -1\r\n",
        b"VA \r\n",
        b"VA 2\r\nabcd",
        b"VA %d\r\n" % (LARGEST_VALUE + 1),
        b"VA 99999999999999999999\r\n",
        "VA ²\r\n".encode("latin-1"),
        b"x" * LONGEST_LINE,
        b"VALUE a 0 2\r\nhi\r\n",
    ],
)
def test_what_is_no_answer_is_an_error(stream: bytes) -> None:
    decoder = Decoder()
    decoder.feed(stream)
    with pytest.raises(ProtocolError):
        decoder.next()


def test_lines_of_the_old_protocol_are_read() -> None:
    decoder = Decoder()
    decoder.feed(b"VERSION 1.6.18\r\nSTAT inter 127.0.0.1\r\nSTAT empty \r\nEND\r\n")
    assert decoded(decoder) == [
        Response("VERSION", ("1.6.18",)),
        Response("STAT", ("inter", "127.0.0.1")),
        Response("STAT", ("empty",)),
        Response("END"),
    ]


@given(ANSWER, st.sampled_from(["mg", "ms", "md", "ma", "mn", "me"]))
def test_the_short_way_reads_what_the_decoder_reads(answer: Response, command: str) -> None:
    found = sole_answer(command, wire(answer))
    if found is not None:
        assert found == answer
        assert checked(command, answer) == answer
        assert type(found) is Response


@given(ANSWER, st.binary(min_size=1, max_size=10))
def test_the_short_way_takes_one_whole_answer_only(answer: Response, more: bytes) -> None:
    stream = wire(answer)
    assert sole_answer("mg", stream + more) is None
    assert sole_answer("mg", stream[:-1]) is None


def test_the_short_way_is_that_of_hits_and_misses() -> None:
    assert sole_answer("mg", b"VA 2 f5 c1\r\nhi\r\n") == Response("VA", ("f5", "c1"), b"hi")
    assert sole_answer("mg", b"VA 0\r\n\r\n") == Response("VA", (), b"")
    assert sole_answer("mg", b"EN\r\n") == Response("EN")
    assert sole_answer("ms", b"HD\r\n") == Response("HD")


@given(response=ANSWER.filter(lambda answer: answer.status == "VA"))
def test_an_answer_is_known_again(response: Response) -> None:
    assert as_it_came(response) == wire(response)


def test_an_answer_fits_its_command() -> None:
    assert checked("mg", Response("EN")) == Response("EN")
    assert checked("ms", Response("CLIENT_ERROR", error="CLIENT_ERROR x")).error
    with pytest.raises(ProtocolError, match="NF is no answer to mg"):
        checked("mg", Response("NF"))
    with pytest.raises(ProtocolError):
        checked("mn", Response("HD"))


def test_a_refused_write_may_leave_its_value_among_the_commands() -> None:
    refused = Response("CLIENT_ERROR", error="CLIENT_ERROR bad data chunk")
    assert last_word("ms", refused)
    assert not last_word("mg", refused)
    assert last_word("mg", Response("ERROR", error="ERROR"))
    assert not last_word("ms", Response("SERVER_ERROR", error="SERVER_ERROR object too large for cache"))
