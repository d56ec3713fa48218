"""Figures about the whole catalogue."""

from __future__ import annotations

import pytest

from afresh.demo.catalogue import database, statistics
from afresh.demo.catalogue.statistics import Section


@pytest.mark.usefixtures("tiny")
def test_sections_are_counted() -> None:
    assert statistics.sections() == ["first", "second"]
    assert statistics.section("second") == Section("second", 3, 120, "e")
    assert statistics.section("third") == Section("third", 0, 0, "")


@pytest.mark.usefixtures("tiny")
def test_edges_are_counted() -> None:
    assert statistics.most_needed(2) == ["c", "b"]
    assert statistics.most_demanding(2) == ["a", "b"]


@pytest.mark.usefixtures("tiny")
def test_the_best_rated_have_enough_ratings() -> None:
    with database.transaction() as writing:
        writing.execute("DELETE FROM rating")
        for number in range(10):
            writing.execute(
                "INSERT INTO rating VALUES ('a', ?, 4), ('b', ?, 5)", (f"x{number}", f"x{number}")
            )
        writing.execute("INSERT INTO rating VALUES ('c', 'x', 5)")
    assert statistics.best_rated() == ["b", "a"]


@pytest.mark.usefixtures("whole")
def test_the_whole_catalogue_adds_up() -> None:
    sections = [statistics.section(name) for name in statistics.sections()]
    assert sum(each.packages for each in sections) == 63_436
    assert statistics.most_needed(1) == ["libc6"]
