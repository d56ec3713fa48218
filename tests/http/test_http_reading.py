"""However an application reads what a request says, it is noticed."""

from __future__ import annotations

import contextlib
import copy
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


OF_ONE_VALUE: dict[str, Callable[[Any], object]] = {
    "one": lambda it: it["user"],
    "get": lambda it: it.get("user"),
    "in": lambda it: "user" in it,
    "pop": lambda it: it.pop("user", None),
    "setdefault": lambda it: it.setdefault("user", "ben"),
    "del": lambda it: it.__delitem__("user"),
}
OF_ALL_VALUES: dict[str, Callable[[Any], object]] = {
    "|": lambda it: it | {},
    "other |": lambda it: {} | it,
    "==": lambda it: it == {},
    "!=": lambda it: it != {},
    "repr": repr,
    "dict": dict,
    "**": lambda it: {**it},
    "list": list,
    "keys": lambda it: it.keys(),
    "values": lambda it: it.values(),
    "items": lambda it: it.items(),
    "copy": lambda it: it.copy(),
    "copied": copy.copy,
    "copied deep": copy.deepcopy,
    "reversed": lambda it: list(reversed(it)),
    "popitem": lambda it: it.popitem() if "user" in it else None,
    "clear": lambda it: it.clear(),
}


@pytest.mark.parametrize("there", [{"user": "anna"}, {}])
@pytest.mark.parametrize("look", OF_ONE_VALUE)
def test_what_an_earlier_middleware_left_or_did_not(reads: Reads, look: str, there: dict[str, Any]) -> None:
    state = NoticingState.of(there, reads, dict(there))
    with contextlib.suppress(KeyError):
        OF_ONE_VALUE[look](state)
    assert reads.others == {"state:user"}


@pytest.mark.parametrize("look", OF_ALL_VALUES)
def test_all_that_an_earlier_middleware_left(reads: Reads, look: str) -> None:
    OF_ALL_VALUES[look](NoticingState.of({"user": "anna"}, reads, {"user": "anna"}))
    assert reads.others == {"state names", "state:user"}


@pytest.mark.parametrize("look", [len, bool])
def test_how_much_an_earlier_middleware_left(reads: Reads, look: Callable[[Any], object]) -> None:
    look(NoticingState.of({}, reads, {}))
    assert reads.others == {"state names"}


def test_a_copy_of_a_state_is_a_plain_dictionary(reads: Reads) -> None:
    outer = {"user": ["anna"]}
    state = NoticingState.of(outer, reads, outer)
    for copied in (copy.copy(state), copy.deepcopy(state)):
        assert type(copied) is dict
        copied["user"] = "ben"
    assert (state, outer) == ({"user": ["anna"]}, {"user": ["anna"]})


def test_what_has_no_name_is_no_part_of_a_key(reads: Reads) -> None:
    NoticingState.of({}, reads, {}).get(1)  # type: ignore[call-overload]
    assert (reads.others, bool(reads.refused)) == (set(), True)


def test_what_is_added_to_a_state_is_added_outside_too(reads: Reads) -> None:
    outer = dict[str, Any]()
    state = NoticingState.of({}, reads, outer)
    state |= {"theme": "dark"}
    assert state["theme"] == "dark"
    assert (outer, reads.others) == ({"theme": "dark"}, set())


def test_what_goes_from_a_state_goes_outside_too(reads: Reads) -> None:
    outer = {"one": 1, "two": 2, "three": 3}
    state = NoticingState.of(outer, reads, outer)
    state.pop("one"), state.popitem(), state.clear()
    assert (outer, dict(state)) == ({}, {})


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
