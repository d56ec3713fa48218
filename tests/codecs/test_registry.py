"""Types of the application's own."""

from __future__ import annotations

import enum
import pathlib
from dataclasses import make_dataclass
from typing import Any

import pytest

from afresh.codecs import register, registry
from afresh.codecs.msgpack import Msgpack
from afresh.errors import ConfigurationError, UncacheableValue
from afresh.testing.contracts.codec import Part

CODEC = Msgpack()


class Markup(str):
    __slots__ = ()


class Matrix:
    def __init__(self, rows: list[tuple[int, ...]]) -> None:
        self.rows = rows


class Level(enum.IntEnum):
    LOW = 1


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_by_type", dict(registry._by_type))
    monkeypatch.setattr(registry, "_by_name", dict(registry._by_name))


def test_a_registered_type_is_carried_wherever_it_turns_up() -> None:
    register(Matrix, lambda matrix: matrix.rows, Matrix)
    register(Markup, str, Markup, name="markup")
    data = CODEC.encode({"m": Matrix([(1, 2)]), "t": (Markup("<b>"), "<b>")})
    back = CODEC.decode(data)
    assert type(back["m"]) is Matrix
    assert back["m"].rows == [(1, 2)]
    assert [type(each) for each in back["t"]] == [Markup, str]
    assert b"markup" in data
    assert b"test_registry.Matrix" in data


def test_known_kinds_need_no_functions() -> None:
    register(Level)
    register(Part)
    assert CODEC.decode(CODEC.encode([Level.LOW, Part("a")])) == [Level.LOW, Part("a")]
    assert type(CODEC.decode(CODEC.encode(Level.LOW))) is Level


def test_a_value_with_other_fields_is_not_read() -> None:
    def shaped(field: str) -> Any:
        kind = make_dataclass("Product", [(field, int)])
        kind.__module__ = "shop"
        return kind

    product = shaped("price")
    register(product)
    data = CODEC.encode(product(1))
    register(shaped("price"))
    assert CODEC.decode(data).price == 1
    registry._by_name.clear()
    register(shaped("cost"))
    with pytest.raises(ValueError, match="neither declared nor registered"):
        CODEC.decode(data)


def test_a_subclass_is_another_type() -> None:
    register(Matrix, lambda matrix: matrix.rows, Matrix)
    with pytest.raises(UncacheableValue, match="Special"):
        CODEC.encode(type("Special", (Matrix,), {})([]))


def test_what_it_is_turned_into_has_to_be_storable() -> None:
    register(Matrix, lambda matrix: matrix.rows, Matrix)
    with pytest.raises(UncacheableValue, match="object"):
        CODEC.encode(Matrix([object()]))  # type: ignore[list-item]


def test_without_the_registration_reading_is_an_error() -> None:
    register(Level)
    data = CODEC.encode(Level.LOW)
    registry._by_name.clear()
    with pytest.raises(ValueError, match="neither declared nor registered"):
        CODEC.decode(data)


@pytest.mark.parametrize(
    "arguments", [(Matrix,), (Matrix, list), (pathlib.Path,), (Matrix, None, Matrix), (dict,), (int,)]
)
def test_what_cannot_be_stored_that_way_is_refused(arguments: Any) -> None:
    with pytest.raises(ConfigurationError, match="encode"):
        register(*arguments)


def test_a_name_belongs_to_one_type() -> None:
    register(Matrix, lambda matrix: matrix.rows, Matrix, name="m")
    with pytest.raises(ConfigurationError, match="taken"):
        register(Markup, str, Markup, name="m")
    reloaded = type("Matrix", (), {"__module__": __name__, "__qualname__": "Matrix"})
    register(reloaded, str, reloaded, name="m")
