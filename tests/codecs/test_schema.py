"""What a declared type declares, and when its digest changes."""

from __future__ import annotations

import enum
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NewType, TypeVar

import msgspec
import pydantic
import pytest

from afresh.codecs.schema import Schema


class Colour(enum.Enum):
    RED = "red"
    FUNCTION = object()


class Struct(msgspec.Struct):
    colour: Colour


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    structs: list[Struct]


@dataclass
class Node:
    model: Model | None
    children: list[Node] = field(default_factory=list)


@dataclass
class Unresolvable:
    node: Absent  # type: ignore[name-defined]  # noqa: F821


Bound = TypeVar("Bound", bound=Struct)
Either = TypeVar("Either", Struct, Colour)
New = NewType("New", Colour)


def test_classes_are_found_through_fields_of_all_kinds() -> None:
    assert set(Schema(Node | None).by_type) == {Node, Model, Struct, Colour}
    assert set(Schema(Unresolvable).by_type) == {Unresolvable}


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        (Any, set()),
        (None, set()),
        ("Colour", set()),
        (dict[Colour, int], {Colour}),
        (tuple[Colour, ...], {Colour}),
        (int | Colour | None, {Colour}),
        (Annotated[Colour, lambda: None], {Colour}),
        (Literal["a", 1, None], set()),
        (Callable[[Colour], int], {Colour}),
        (Bound, {Struct, Colour}),
        (Either, {Struct, Colour}),
        (New, {Colour}),
        (type[Colour], {Colour}),
    ],
)
def test_where_classes_stand(declared: Any, found: set[type]) -> None:
    assert set(Schema(declared).by_type) == found


def test_different_types_have_different_digests() -> None:
    declared = [Any, None, int, str, list[int], list[str], Colour, Struct, Model, Node, dict[str, int],
                tuple[int, str], tuple[str, int], int | str, Literal["a"], Literal["b"], Literal[1], New, Bound]  # fmt: skip
    assert len({Schema(each).digest for each in declared}) == len(declared)


def test_members_of_an_enum_are_its_shape() -> None:
    one = enum.Enum("Size", {"S": 1, "M": 2})
    assert Schema(one).digest == Schema(enum.Enum("Size", {"S": 1, "M": 2})).digest
    assert Schema(one).digest != Schema(enum.Enum("Size", {"S": 1, "M": 3})).digest
    assert Schema(one).digest != Schema(enum.Enum("Size", {"S": 1})).digest


def test_a_digest_is_the_same_in_another_process() -> None:
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; import test_schema as t; from typing import Annotated;"
        "print(t.Schema(t.Node | None).digest, t.Schema(Annotated[t.Colour, lambda: 1]).digest)"
    )
    outputs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(outputs) == 1


def test_two_local_classes_of_one_name_are_told_apart() -> None:
    def local(value: int) -> Any:
        @dataclass
        class Local:
            number: int = value

        return Local

    one, other = local(1), local(2)
    schema = Schema(tuple[one, other])
    assert schema.by_type[one].name != schema.by_type[other].name
    assert {shape.kind for shape in schema.by_name.values()} == {one, other}
