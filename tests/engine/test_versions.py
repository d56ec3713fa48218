"""Old and new code side by side, over one store: nobody gets the other's types, and nobody loads in vain."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from afresh import Cache, tag


@dataclass
class Old:
    name: str


@dataclass
class New:
    name: str
    price: int = 0


class Program:
    """One version of a program, as a process of its own has it."""

    def __init__(self, path, kind):
        self.cache = Cache(f"sqlite:///{path}", l1=None)
        self.loads = 0

        @self.cache.cached(prefix="product", tags=[tag("menu")])
        def product(number: int) -> kind:
            self.loads += 1
            return kind(f"thing {number}")

        product.__annotations__["return"] = kind
        self.product = product
        self.kind = kind


@pytest.fixture
def programs(tmp_path):
    made = [Program(tmp_path / "cache", kind) for kind in (Old, New)]
    yield made
    for each in made:
        each.cache.close()


def test_two_versions_keep_their_values_side_by_side(programs):
    for _ in range(20):
        for program in programs:
            assert type(program.product(7)) is program.kind
    assert [program.loads for program in programs] == [1, 1]


def test_both_hear_one_invalidation(programs):
    for program in programs:
        program.product(7)
    programs[0].cache.invalidate(tag("menu"))
    for program in programs:
        program.product(7)
    assert [program.loads for program in programs] == [2, 2]


def test_a_typed_value_in_the_store_is_explained(programs):
    old, _ = programs
    old.product(7)
    explained = old.cache.explain(old.product.key(7))
    assert (explained.layer, explained.state) == ("store", "fresh")
    assert any("menu" in name for name in explained.depends_on)


def test_what_has_no_type_has_the_key_that_was_given(tmp_path):
    with Cache(f"sqlite:///{tmp_path / 'cache'}", l1=None) as cache:
        cache.set("k", 1)
        assert cache.get_or_load("k", lambda: 2) == 1
