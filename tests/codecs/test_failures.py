"""Remembered exceptions."""

from __future__ import annotations

from typing import Any

import pytest

from afresh.codecs.failures import decode_failure, encode_failure
from afresh.codecs.form import Form
from afresh.errors import UncacheableValue

ran: list[Any] = []


class NotFound(LookupError):
    def __init__(self, kind: str, number: int) -> None:
        super().__init__(f"no {kind} {number}")
        self.number = number
        ran.append(number)


class Missing(NotFound):
    pass


class Slotted(Exception):
    __slots__ = ("hidden",)


class Own(ValueError):
    def __new__(cls, *args: Any) -> Own:
        ran.append(args)
        return super().__new__(cls, *args)


def test_a_declared_exception_comes_back_without_its_constructor() -> None:
    error = NotFound("product", 7)
    error.add_note("noted")
    ran.clear()
    back = decode_failure(encode_failure(error, (NotFound,)), (NotFound,))
    assert type(back) is NotFound
    assert (back.args, back.number, back.__notes__) == (("no product 7",), 7, ["noted"])
    assert ran == []


@pytest.mark.parametrize("error", [KeyError("a"), ValueError(1, (2, "x")), ZeroDivisionError()])
def test_builtin_ones_need_no_declaration(error: Exception) -> None:
    back = decode_failure(encode_failure(error, ()), ())
    assert type(back) is type(error)
    assert back.args == error.args


@pytest.mark.parametrize(
    ("error", "known"),
    [
        (NotFound("a", 1), ()),
        (Missing("a", 1), (NotFound,)),
        (OSError(2, "no such file", "secret.txt"), ()),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "why"), ()),
        (Slotted(), (Slotted,)),
        (Own(), (Own,)),
        (ValueError(object()), ()),
        (KeyboardInterrupt(), ()),
    ],
)
def test_what_would_not_come_back_is_refused(error: BaseException, known: Any) -> None:
    with pytest.raises(UncacheableValue):
        encode_failure(error, known)


@pytest.mark.parametrize(
    "name",
    [
        "test_failures.NotFound",
        "builtins.eval",
        "builtins.KeyboardInterrupt",
        "subprocess.Popen",
        "builtins.OSError",
    ],
)
def test_a_type_that_is_only_named_in_the_data_is_never_made(name: str) -> None:
    with pytest.raises((KeyError, ValueError)):
        decode_failure(Form(Any).encode([name, ["x", 1], {}]), ())
