"""However a variable of an environ is read, it is noticed; what the application has put there is its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from afresh.http.requests.reading import Reads, part_of_the_answer
from afresh.http.requests.variables import Variables
from afresh.rfc import Fields


@pytest.fixture
def reads() -> Reads:
    return Reads(Fields.of([(b"x-mine", b"1")]))


@pytest.fixture
def variables(reads: Reads) -> Variables:
    return Variables({"HTTP_X_MINE": "1", "PATH_INFO": "/"}).watched_by(reads)


def _deleted(it: Any) -> None:
    del it["HTTP_X_MINE"]


ONE = {
    "[]": lambda it: it["HTTP_X_MINE"],
    "get": lambda it: it.get("HTTP_X_MINE"),
    "in": lambda it: "HTTP_X_MINE" in it,
    "pop": lambda it: it.pop("HTTP_X_MINE"),
    "setdefault": lambda it: it.setdefault("HTTP_X_MINE", "2"),
    "del": _deleted,
}
ALL = {
    "==": lambda it: it == {},
    "!=": lambda it: it != {},
    "|": lambda it: it | {},
    "other |": lambda it: {} | it,
    "|=": lambda it: it.__ior__({}),
    "len": len,
    "list": list,
    "reversed": lambda it: list(reversed(it)),
    "repr": repr,
    "dict": dict,
    "**": lambda it: {**it},
    "copy": lambda it: it.copy(),
    "items": lambda it: it.items(),
    "keys": lambda it: it.keys(),
    "values": lambda it: it.values(),
    "popitem": lambda it: it.popitem(),
}


@pytest.mark.parametrize("look", ONE)
def test_one_variable(variables: Variables, reads: Reads, look: str) -> None:
    ONE[look](variables)
    assert (reads.headers, reads.refused) == ({b"x-mine"}, "")


@pytest.mark.parametrize("look", ALL)
def test_all_variables(variables: Variables, reads: Reads, look: str) -> None:
    ALL[look](variables)
    assert reads.refused


@pytest.mark.parametrize(
    "put",
    [
        lambda it: it.update(HTTP_X_MINE="2"),
        lambda it: it.__setitem__("HTTP_X_MINE", "2"),
    ],
)
def test_what_the_application_has_put_there(
    variables: Variables, reads: Reads, put: Callable[[Any], Any]
) -> None:
    put(variables)
    assert (variables["HTTP_X_MINE"], reads.headers) == ("2", set())


def test_a_framework_that_looks_for_itself(variables: Variables, reads: Reads) -> None:
    with variables.unnoticed():
        assert dict(variables)["HTTP_X_MINE"] == "1"
    assert (reads.headers, reads.refused) == (set(), "")
    assert variables["HTTP_X_MINE"] == "1"
    assert reads.headers == {b"x-mine"}


def test_the_query_of_a_part_is_its_address(variables: Variables) -> None:
    with part_of_the_answer() as part:
        variables.get("QUERY_STRING")
    assert part.address
