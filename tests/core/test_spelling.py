"""The contract of `canonical`: equal values, and only they, have one spelling."""

from __future__ import annotations

import datetime as dt
import enum
import itertools
import math
import os
import subprocess
import sys
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import msgspec
import numpy
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.core.spelling import Secret, canonical
from afresh.errors import UnkeyableArgument


class Word(enum.StrEnum):
    A = "a"


class Digit(enum.IntEnum):
    ONE = 1


class Plain(enum.Enum):
    ONE = 1
    A = "a"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Pair(NamedTuple):
    a: Any
    b: Any


@dataclass
class Money:
    amount: Any
    unit: str = "EUR"
    note: str = field(default="", compare=False)


@dataclass
class Weight:
    amount: Any
    unit: str = "EUR"


class Struct(msgspec.Struct):
    amount: Any
    unit: str = "EUR"


class Model(pydantic.BaseModel):
    amount: Any
    unit: str = "EUR"
    _private: Any = None


class Account:
    def __init__(self, number: Any) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Account) and self.number == other.number

    def __hash__(self) -> int:
        return hash(self.number)

    def __cache_key__(self) -> Any:
        return self.number


BERLIN_SUMMER = dt.timezone(dt.timedelta(hours=2))

POOL: list[Any] = [
    None,
    ...,
    True,
    False,
    0,
    1,
    -1,
    1.0,
    -0.0,
    0.5,
    0.1,
    Decimal("0.1"),
    Decimal("0.10"),
    Decimal("0.5"),
    Decimal(1),
    Decimal("1E+2"),
    100,
    Decimal("1E-400"),
    Fraction(1, 10),
    Fraction(1, 2),
    Fraction(0.1),
    1 + 0j,
    1j,
    complex(0.5, -1),
    10**25,
    1e25,
    int(1e25),
    Decimal(10) ** 25,
    2**64,
    float(2**64),
    2**64 - 1,
    math.inf,
    -math.inf,
    Decimal("Infinity"),
    Digit.ONE,
    Plain.ONE,
    Plain.A,
    Rights.READ,
    Rights.READ | Rights.WRITE,
    "a",
    Word.A,
    "",
    "1",
    "None",
    "a,b",
    "a','b",
    "a\\",
    "a\\'",
    "a b",
    "a\\sb",
    "a\\x20b",
    "\u2028",
    "\\u2028",
    "\ud800",
    "é",
    b"a",
    bytearray(b"a"),
    b"",
    b"\xe9",
    b"\\xe9",
    (),
    (1,),
    (1.0,),
    (1, 2),
    Pair(1, 2),
    ("a", "b"),
    ("a,b",),
    ((1, 2),),
    ((1,), 2),
    [],
    [1],
    [[1]],
    [1, 2],
    {},
    {"a": 1},
    {Word.A: True},
    {"a": 1, "b": 2},
    {"b": 2, "a": 1},
    defaultdict(int, {"a": 1}),
    set(),
    {1},
    {1, 2},
    frozenset({2, 1.0}),
    {(1, 2)},
    range(0),
    range(5, 5),
    range(1),
    range(0, 1, 7),
    range(0, 10, 3),
    range(0, 12, 3),
    range(0, 13, 3),
    dt.date(2026, 1, 1),
    dt.datetime(2026, 1, 1),
    dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2026, 1, 1, 2, tzinfo=BERLIN_SUMMER),
    dt.datetime(2026, 1, 1, fold=1),
    dt.datetime.min.replace(tzinfo=BERLIN_SUMMER),
    dt.datetime.min.replace(tzinfo=dt.UTC),
    dt.time(1),
    dt.time(1, tzinfo=dt.UTC),
    dt.time(3, tzinfo=BERLIN_SUMMER),
    dt.time(23, tzinfo=dt.UTC),
    dt.timedelta(days=1),
    dt.timedelta(hours=24),
    dt.timedelta(microseconds=1),
    Money(1),
    Money(1.0, note="other"),
    Money(2),
    Weight(1),
    Struct(1),
    Struct(1.0),
    Struct("1"),
    Model(amount=1),
    Model(amount=True, unit="EUR"),
    Model(amount=2),
    Account(1),
    Account((1,)),
    int,
    float,
    Money,
    Plain,
    len,
    math.floor,
    canonical,
]


def test_equal_values_and_only_they_have_one_spelling() -> None:
    for one, other in itertools.combinations_with_replacement(POOL, 2):
        assert (canonical(one) == canonical(other)) == bool(one == other), (one, other)


def test_no_spelling_has_blanks_or_control_characters_and_each_is_valid_utf8() -> None:
    for value in [*POOL, "\t\n\r\0\x7f\x85\xa0\u3000\ufeff\u202e", b"\n "]:
        spelled = canonical(value)
        assert not any(each.isspace() or ord(each) < 32 or 127 <= ord(each) < 160 for each in spelled)
        spelled.encode()


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.integers(),
    st.floats(allow_nan=False),
    st.fractions(-2, 2, max_denominator=4),
    st.decimals(-2, 2, places=1),
    st.text(max_size=3),
    st.text("a,'\\ (:=", max_size=3),
    st.binary(max_size=2),
    st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 2)),
    st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 1, 0, 1)),
)
hashables = st.recursive(scalars, lambda each: st.tuples(each) | st.tuples(each, each), max_leaves=4)
values = st.recursive(
    hashables,
    lambda each: st.one_of(
        st.lists(each, max_size=3),
        st.tuples(each, each),
        st.dictionaries(hashables, each, max_size=3),
        st.frozensets(hashables, max_size=3),
    ),
    max_leaves=6,
)


@given(values, values)
def test_the_contract_holds_for_nested_values(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) == (one == other)


def _respelled(value: Any) -> Any:
    """An equal value of other types, in another order."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return Fraction(value)
    if isinstance(value, dict):
        return {_respelled(key): _respelled(value[key]) for key in reversed(value)}
    if isinstance(value, frozenset):
        return {_respelled(each) for each in reversed(list(value))}
    if isinstance(value, list | tuple):
        return type(value)(map(_respelled, value))
    return Fraction(value) if isinstance(value, float | Decimal) and math.isfinite(value) else value


@given(values)
def test_equal_values_of_other_types_have_one_spelling(value: Any) -> None:
    other = _respelled(value)
    assert other == value
    assert canonical(other) == canonical(value)


@pytest.mark.parametrize(
    ("scalar", "plain"),
    [
        (numpy.int64(-1), -1),
        (numpy.uint64(2**64 - 1), 2**64 - 1),
        (numpy.float32(0.5), 0.5),
        (numpy.float64(0.1), 0.1),
        (numpy.bool_(True), 1),
        (numpy.str_("a"), "a"),
        (numpy.bytes_(b"a"), b"a"),
        (numpy.complex128(1j), 1j),
    ],
)
def test_a_scalar_of_numpy_is_the_number_it_equals(scalar: Any, plain: Any) -> None:
    assert scalar == plain
    assert canonical(scalar) == canonical(plain)


def test_nan_is_one_value_although_it_equals_nothing() -> None:
    assert canonical(math.nan) == canonical(Decimal("NaN")) == canonical(numpy.float64("nan")) == "nan"


def test_an_ordered_dict_has_its_order() -> None:
    one = OrderedDict(a=1, b=2)
    other = OrderedDict(b=2, a=1)
    assert canonical(one) != canonical(other)
    other.move_to_end("b")
    assert canonical(one) == canonical(other)


def test_a_private_attribute_of_a_model_counts() -> None:
    one, other = Model(amount=1), Model(amount=1)
    other._private = 2
    assert one != other
    assert canonical(one) != canonical(other)


def test_spellings_do_not_change() -> None:
    assert (
        canonical(("red shoes", 7, 0.5, None, {"a": [b"\0"]})) == r"('red\sshoes',7,0.5,None,{'a':[b'\x00']})"
    )
    assert canonical(Decimal("19.99")) == "1999/100"
    assert canonical(dt.datetime(2026, 1, 1, 2, tzinfo=BERLIN_SUMMER)) == "datetime(2026-01-01T00:00:00Z)"
    assert canonical(Money(1)) == f"{__name__}/Money(amount=1,unit='EUR')"
    assert canonical(Plain.A) == f"{__name__}/Plain.A"


def test_another_process_spells_alike() -> None:
    code = "from afresh.core.spelling import canonical; print(canonical({'b', 'a', 'c', 1, None, (1, 'x')}))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert outputs == {canonical({"b", "a", "c", 1, None, (1, "x")}) + "\n"}


def test_a_class_that_replaced_another_is_not_taken_for_it() -> None:
    impostor = type("Money", (), {"__module__": __name__, "__qualname__": "Money"})
    with pytest.raises(UnkeyableArgument):
        canonical(impostor)


def test_a_subclass_of_a_dataclass_is_another_class() -> None:
    class Other(Account):
        pass

    canonical(Money(1))
    assert canonical(Other(1)) != canonical(Account(1))
    assert canonical(Sub(1)) != canonical(Money(1))


class Sub(Money):
    pass


def test_a_secret_is_spelled_as_a_digest_of_its_spelling() -> None:
    assert "hunter" not in canonical([Secret("hunter2")])
    assert canonical(Secret("a")) == canonical(Secret(Word.A))
    assert canonical(Secret("a")) != canonical(Secret("b"))
    assert canonical(Secret("a", secret=b"k")) != canonical(Secret("a"))
    assert Secret("a") == Secret("a") != Secret("b")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert repr(Secret("hunter2")) == "Secret(…)"
