"""The default codec: what it carries comes back exactly, and it refuses the rest by name."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import pydantic
import pytest
from hypothesis import given, settings

from afresh.codecs.msgpack import Msgpack
from afresh.errors import UncacheableValue
from afresh.testing.contracts.codec import Part, Point, same
from codec_values import values

CODEC = Msgpack()


@given(values)
@settings(deadline=None, max_examples=300)
def test_generated_values_come_back_exactly(value: Any) -> None:
    assert same(CODEC.decode(CODEC.encode(value)), value)


@given(values)
@settings(deadline=None)
def test_generated_values_come_back_exactly_from_inside_of_declared_classes(value: Any) -> None:
    part = Part("a", value)
    assert same(CODEC.decode(CODEC.encode([part], list[Part]), list[Part]), [part])


class Struct(msgspec.Struct, frozen=True):
    name: str
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "name", self.name + "!")


class Keywords(msgspec.Struct, kw_only=True, dict=True):
    name: str
    inner: Struct | None = None


class Address(pydantic.BaseModel):
    street: str
    since: dt.date


class Person(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    name: str = pydantic.Field(alias="fullName")
    addresses: list[Address] = []
    price: decimal.Decimal = decimal.Decimal(0)
    _visits: int = pydantic.PrivateAttr(default=0)

    @pydantic.field_validator("name")
    @classmethod
    def shout(cls, name: str) -> str:
        return name + "!"


T = TypeVar("T")


@dataclass
class Box(Generic[T]):
    content: T


@dataclass(frozen=True, slots=True)
class Base:
    one: int


@dataclass(frozen=True, slots=True)
class Derived(Base):
    two: Point | None = None
    three: int = field(init=False)


def test_a_struct_comes_back_as_it_was_and_not_as_its_constructor_would_make_it() -> None:
    struct = Struct("a", ("b",))
    assert CODEC.decode(CODEC.encode(struct, Struct), Struct) == struct
    keywords = Keywords(name="k", inner=struct)
    keywords.later = (1, 2)  # type: ignore[attr-defined]
    back = CODEC.decode(CODEC.encode(keywords, Keywords), Keywords)
    assert back == keywords
    assert back.later == (1, 2)


def test_a_model_comes_back_with_extra_and_private_attributes_and_is_not_validated_again() -> None:
    person = Person(fullName="a", addresses=[Address(street="s", since=dt.date(2026, 1, 1))], other=(1,))
    person._visits = 3
    back = CODEC.decode(CODEC.encode(person, Person), Person)
    assert back == person
    assert (back.name, back._visits, back.other) == ("a!", 3, (1,))  # type: ignore[attr-defined]
    assert back.model_fields_set == person.model_fields_set
    assert type(back.addresses[0]) is Address
    back.addresses.append(back.addresses[0])
    assert len(person.addresses) == 1


def test_a_dataclass_keeps_what_is_not_a_field_and_what_was_never_set() -> None:
    part = Part("a")
    part.__dict__["cached"] = {1, 2}
    assert vars(CODEC.decode(CODEC.encode(part, Part), Part)) == vars(part)
    derived = Derived(1, Point(1, 2.0))
    back = CODEC.decode(CODEC.encode(derived, Derived), Derived)
    assert (back.one, back.two) == (1, Point(1, 2.0))
    assert not hasattr(back, "three")


def test_generic_annotated_and_optional_types_declare_what_is_inside() -> None:
    for declared in (
        Box[Point],
        Annotated[Box[Point], "note"],
        Annotated[Box[Point], ["can't be hashed"]],
        dict[str, Box[Point]] | None,
    ):
        value: Any = Box(Point(1, 2.0))
        assert CODEC.decode(CODEC.encode([value], declared), declared) == [value]


def test_values_of_several_declared_classes_are_told_apart() -> None:
    declared = Struct | Part | Point
    for value in (Struct("a"), Part("a"), Point(1, 2)):
        assert CODEC.decode(CODEC.encode(value, declared), declared) == value


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class OtherPart(Part):
    pass


@dataclass
class HiddenState(dict[str, int]):
    name: str


@dataclass
class WithLock:
    lock: Any


class Zone(dt.tzinfo):
    def utcoffset(self, moment: dt.datetime | None) -> dt.timedelta:
        return dt.timedelta(0)


def _deep() -> list[Any]:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    return deep


def _cycle() -> dict[str, Any]:
    cycle: dict[str, Any] = {}
    cycle["again"] = [cycle]
    return cycle


def _generator() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("value", "declared", "named"),
    [
        (Text("a"), Any, "Text would come back as a plain str"),
        (Number(1), int, "Number would come back as a plain int"),
        (collections.Counter("ab"), Any, "Counter would come back as a plain dict"),
        (collections.defaultdict(int), Any, "defaultdict"),
        (HiddenState("a"), HiddenState, "HiddenState"),
        (Part("a"), Any, r"contracts\.codec\.Part"),
        (OtherPart("a"), Part, "OtherPart"),
        (Point(1, 2), tuple[int, int], "Point would come back as a plain tuple"),
        (Struct("a"), Any, "Struct"),
        (Address(street="a", since=dt.date(2026, 1, 1)), pydantic.BaseModel, "Address"),
        (WithLock(threading.Lock()), WithLock, "lock"),
        (object(), object, "object"),
        (_generator(), Iterator[int], "generator"),
        (lambda: None, Any, "function"),
        (int, Any, "type"),
        (memoryview(b"a"), Any, "memoryview"),
        (dt.datetime(2026, 1, 1, tzinfo=Zone()), Any, "time zone"),
        (_deep(), Any, "deep"),
        (_cycle(), Any, "itself"),
    ],
)
@pytest.mark.parametrize("inside", [False, True], ids=["bare", "inside"])
def test_what_cannot_be_carried_exactly_is_refused_by_name(
    value: Any, declared: Any, named: str, inside: bool
) -> None:
    with pytest.raises(UncacheableValue, match=named):
        CODEC.encode([{1: (value,)}] if inside else value, declared)


def test_a_refusal_inside_of_a_large_integer_s_value_too() -> None:
    with pytest.raises(UncacheableValue, match="Number"):
        CODEC.encode([2**70, Number(1)])


def test_a_class_is_never_made_because_the_data_names_it() -> None:
    data = CODEC.encode([Part("a")], list[Part])
    with pytest.raises(ValueError, match="neither declared nor registered"):
        CODEC.decode(data, list[Point])
    with pytest.raises(ValueError, match="neither declared nor registered"):
        CODEC.decode(data)


def test_its_digest_follows_the_shape_of_what_is_declared() -> None:
    def shaped(name: str, kind: Any) -> Any:
        return dataclasses.make_dataclass("Product", [(name, kind)])

    one = shaped("price", int)
    digest = CODEC.digest(list[one])
    assert digest == CODEC.digest(list[shaped("price", int)])
    assert digest != CODEC.digest(list[shaped("cost", int)])
    assert digest != CODEC.digest(list[shaped("price", float)])
    assert digest != CODEC.digest(one)
    assert CODEC.digest(int) != CODEC.digest(str) != CODEC.digest(Any)


@pytest.mark.parametrize("code", [-128, -1, 0, 17, 25, 127])
def test_an_unknown_extension_is_an_error(code: int) -> None:
    data = msgspec.msgpack.encode([msgspec.msgpack.Ext(code, b"\xc0")])
    with pytest.raises(Exception):  # noqa: B017, PT011
        CODEC.decode(data)


def test_nesting_that_only_an_attacker_writes_is_an_error() -> None:
    with pytest.raises(RecursionError):
        CODEC.decode(b"\x91" * 100_000)
    data = b"\xc0"
    for _ in range(3000):
        data = msgspec.msgpack.encode(msgspec.msgpack.Ext(2, b"\x91" + data))
    with pytest.raises(RecursionError):
        CODEC.decode(data)
