"""What is cheap in the walk over a value, and that values are not touched by it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from afresh.codecs.form import Form
from afresh.testing.contracts.codec import BUILTIN_VALUES, Part, same


def test_encoding_does_not_change_the_value() -> None:
    value = {"all": BUILTIN_VALUES, "part": Part("a")}
    before = copy.deepcopy(value)
    Form(Part).encode(value)
    assert same(value, before)


@pytest.mark.parametrize("value", [7, "text", [1, "a", None], {"a": 1, "b": "c"}, {1: 2}])
def test_plain_values_are_plain_messagepack(value: Any) -> None:
    import msgspec

    assert Form(Any).encode(value) == msgspec.msgpack.encode(value)


def test_a_value_deeper_than_others_but_not_too_deep() -> None:
    deep: Any = 1
    for _ in range(90):
        deep = [deep]
    assert Form(Any).decode(Form(Any).encode(deep)) == deep


def test_large_integers_and_lone_surrogates_anywhere() -> None:
    value = {2**64: [2**65, {"\ud800": ("\udfff", {2**66: -(2**63) - 1})}], "part": Part("\ud800")}
    back = Form(Part).decode(Form(Part).encode(value))
    assert same(back, value)
