"""However an application reads what a request says, it is noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from afresh.http.requests.noticing import NoticingState
from afresh.http.requests.reading import Client, Cookies, Name, Reads
from afresh.rfc import Fields

LOOKS: dict[str, Callable[[Any], object]] = {
    "==": lambda it: it == object(),
    "!=": lambda it: it != object(),
    "len": len,
    "repr": repr,
    "str": str,
    "list": list,
    "unpacked": lambda it: [*it],
    "format": lambda it: f"{it}",
}


@pytest.fixture
def reads() -> Reads:
    return Reads(Fields.of([(b"cookie", b"a=1; b=2"), (b"x-mine", b"1")]))


OF_A_CLIENT = {
    "first": lambda it: it[0],
    "in": lambda it: "10.0.0.1" in it,
    "<": lambda it: it < ("10.0.0.2", 0),
    "+": lambda it: it.__add__((1,)),
    "hash": hash,
    "index": lambda it: it.index(80),
    "count": lambda it: it.count(80),
}


@pytest.mark.parametrize("look", [*(LOOKS | OF_A_CLIENT)])
def test_a_clients_address(reads: Reads, look: str) -> None:
    (LOOKS | OF_A_CLIENT)[look](Client.of(("10.0.0.1", 80), reads))
    assert reads.others == {"client"}


OF_ALL_COOKIES = {
    "|": lambda it: it | {},
    "other |": lambda it: {} | it,
    "dict": dict,
    "**": lambda it: {**it},
    "keys": lambda it: it.keys(),
    "values": lambda it: it.values(),
    "items": lambda it: it.items(),
    "copy": lambda it: it.copy(),
    "pop": lambda it: it.pop("a"),
    "popitem": lambda it: it.popitem(),
    "setdefault": lambda it: it.setdefault("a", "2"),
    "reversed": lambda it: list(reversed(it)),
}


@pytest.mark.parametrize("look", [*(LOOKS | OF_ALL_COOKIES)])
def test_all_cookies(reads: Reads, look: str) -> None:
    (LOOKS | OF_ALL_COOKIES)[look](cookies(reads))
    assert reads.headers == {b"cookie"}


@pytest.mark.parametrize("look", [lambda it: it["a"], lambda it: it.get("a"), lambda it: "a" in it])
def test_one_cookie(reads: Reads, look: Callable[[Any], object]) -> None:
    look(cookies(reads))
    assert (reads.others, reads.headers) == ({"cookie:a"}, set())


OF_A_STATE = {
    "|": lambda it: it | {},
    "other |": lambda it: {} | it,
    "==": lambda it: it == {},
    "!=": lambda it: it != {},
    "repr": repr,
    "dict": dict,
    "values": lambda it: it.values(),
    "copy": lambda it: it.copy(),
    "one": lambda it: it["user"],
    "get": lambda it: it.get("user"),
    "in": lambda it: "user" in it,
    "pop": lambda it: it.pop("user"),
    "setdefault": lambda it: it.setdefault("user", "ben"),
}


@pytest.mark.parametrize("look", [*OF_A_STATE])
def test_what_an_earlier_middleware_left(reads: Reads, look: str) -> None:
    state = NoticingState({"user": "anna"})
    state.reads, state.own, state.outer = reads, frozenset({"user"}), {"user": "anna"}
    OF_A_STATE[look](state)
    assert reads.others == {"state:user"}


def test_what_is_added_to_a_state_is_added_outside_too(reads: Reads) -> None:
    state, outer = NoticingState(), dict[str, Any]()
    state.reads, state.outer = reads, outer
    state |= {"theme": "dark"}
    assert (state, outer, reads.others) == ({"theme": "dark"}, {"theme": "dark"}, set())


OF_A_NAME = {
    "decode": lambda it: it.decode(),
    "upper": lambda it: it.upper(),
    "startswith": lambda it: it.startswith(b"x-"),
    "hash": hash,
    "first": lambda it: it[0],
    "+": lambda it: it + b"!",
    "rfind": lambda it: it.rfind(b"-"),
    "bytes": bytes,
}


@pytest.mark.parametrize("look", [*OF_A_NAME])
def test_a_name_of_a_field_with_which_anything_may_be_done(reads: Reads, look: str) -> None:
    OF_A_NAME[look](Name(b"x-mine", reads))
    assert reads.refused


def test_a_name_is_compared_with_what_is_asked_for(reads: Reads) -> None:
    assert Name(b"x-mine", reads) != b"x-other"
    assert Name(b"x-mine", reads).lower() == b"x-mine"
    assert (reads.headers, reads.refused) == ({b"x-mine", b"x-other"}, "")


def cookies(reads: Reads) -> Cookies:
    made = Cookies(a="1", b="2")
    made.reads = reads
    return made
