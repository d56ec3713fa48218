"""The generated functions that put the arguments of a call in order."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.core.signatures import check_names, generate
from afresh.core.spelling import canonical
from afresh.errors import ConfigurationError


def _generated(function: Callable[..., Any], **options: Any) -> Callable[..., str]:
    given = {"ignore": (), "secrets": (), "name": function.__name__, **options}
    return generate(inspect.signature(function), canonical, lambda value: "hidden", **given)


def every_kind(a: Any, b: Any = 1, /, c: Any = 2, *rest: Any, d: Any, e: Any = 3, **more: Any) -> None: ...
def no_star(a: Any, /, *, b: Any) -> None: ...
def only_positional(a: Any, b: Any = 5, /) -> None: ...
def only_rest(*rest: Any, last: Any = 0) -> None: ...
def nothing() -> None: ...
def _afresh(self: Any, spell: Any, _afresh: Any = 1) -> None: ...


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "spelled"),
    [
        (every_kind, (1,), {"d": 2}, "1,b=1,c=2,d=2,e=3"),
        (every_kind, (1, 2, 3, 4, 5), {"d": 2, "z": 1, "y": 2}, "1,b=2,c=3,4,5,d=2,e=3,y=2,z=1"),
        (every_kind, (1,), {"d": 2, "a": 3}, "1,b=1,c=2,d=2,e=3,a=3"),
        (every_kind, (1,), {"d": 2, "x=1,y": 3}, "1,b=1,c=2,d=2,e=3,'x=1,y'=3"),
        (no_star, (1,), {"b": 2}, "1,b=2"),
        (only_positional, (1,), {}, "1,b=5"),
        (only_rest, (), {}, "last=0"),
        (only_rest, (1, 2), {}, "1,2,last=0"),
        (nothing, (), {}, ""),
        (_afresh, (1, 2), {}, "1,2,_afresh=1"),
    ],
)
def test_each_kind_of_parameter(function: Any, args: Any, kwargs: Any, spelled: str) -> None:
    assert _generated(function)(*args, **kwargs) == spelled


def _mixed(a: Any, b: Any, c: Any = 3, *, d: Any = 4) -> tuple[Any, ...]:
    return a, b, c, d


@given(st.tuples(*[st.integers(0, 5)] * 4), st.integers(0, 3), st.integers(0, 2), st.randoms())
def test_however_a_call_is_written_it_is_one(
    numbers: Any, by_position: int, left_out: int, random: Any
) -> None:
    values = dict(zip("abcd", numbers, strict=True))
    if left_out > 0:
        values["d"] = 4
    if left_out > 1:
        values["c"] = 3
    args = [values[name] for name in "abc"[:by_position]]
    names = [name for name in "abcd"[by_position:] if name in "ab" or name not in "dc"[:left_out]]
    random.shuffle(names)
    kwargs = {name: values[name] for name in names}
    assert _mixed(*args, **kwargs) == tuple(values.values())
    a, b, c, d = values.values()
    assert _generated(_mixed)(*args, **kwargs) == f"{a},{b},c={c},d={d}"


def test_a_wrong_call_raises_what_the_function_would() -> None:
    with pytest.raises(TypeError) as ours:
        _generated(no_star)(1, c=2)
    with pytest.raises(TypeError) as its:
        no_star(1, c=2)  # type: ignore[call-arg]
    assert str(ours.value) == str(its.value)


def test_ignored_and_secret_parameters() -> None:
    generated = _generated(every_kind, ignore=["a", "rest", "x"], secrets=["d", "more"])
    assert generated(1, 2, 3, 4, d=5, x=6, y=7) == "b=2,c=3,d=hidden,e=3,y=hidden"
    assert _generated(every_kind, secrets=["rest", "z"])(1, 2, 3, 4, d=5, z=6) == (
        "1,b=2,c=3,hidden,d=5,e=3,z=hidden"
    )
    assert _generated(nothing, ignore=[])() == ""
    assert _generated(only_rest, ignore=["last", "rest"])(1) == ""


def test_a_name_that_is_no_parameter_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"ignore='tokn': login\(\) has no such parameter; it has a, b"
    ):
        check_names(inspect.signature(no_star), ["tokn"], "ignore", "login")
    check_names(inspect.signature(every_kind), ["anything"], "ignore", "login")
