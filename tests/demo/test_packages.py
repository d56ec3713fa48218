"""What is read about packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from afresh.demo.catalogue import database, packages
from afresh.demo.catalogue.packages import Footprint, Package


@pytest.mark.usefixtures("tiny")
def test_one_package() -> None:
    assert packages.package("b") == Package("b", "2", "first", "optional", "a", 20, 2000, "")
    assert packages.package("nothing") is None


@pytest.mark.usefixtures("tiny")
def test_edges_both_ways() -> None:
    assert packages.needs("a") == ["b", "c"]
    assert packages.needed_by("c") == ["a", "b", "d"]
    line = packages.line("c")
    assert (line.section, line.installed, line.needs, line.needed_by) == ("second", 30, 1, 3)


@pytest.mark.usefixtures("tiny")
def test_a_footprint_follows_cycles_once() -> None:
    assert set(packages.closure("a")) == {"a", "b", "c", "d"}
    assert packages.footprint("a") == Footprint(4, 100)
    assert packages.footprint("d") == Footprint(2, 70)
    assert packages.footprint("e") == Footprint(1, 50)


@pytest.mark.usefixtures("tiny")
def test_lists_of_names() -> None:
    assert packages.in_section("second") == ["c", "d", "e"]
    assert packages.of_source("a") == ["a", "b"]
    assert packages.in_section("third") == []


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("words", ["%", "_", "\\", "a%", "' OR 1=1 --"])
def test_a_search_takes_every_sign_as_it_is(words: str) -> None:
    assert packages.matching(words) == []


@pytest.mark.usefixtures("tiny")
def test_ratings_are_summed() -> None:
    with database.transaction() as writing:
        writing.execute("DELETE FROM rating")
        writing.executemany("INSERT INTO rating VALUES ('e', ?, ?)", [("x", 5), ("y", 2)])
    assert packages.rating("e") == (2, 7)
    assert packages.rating("a") == (0, 0)


@pytest.mark.usefixtures("whole")
def test_a_search_of_the_whole_catalogue() -> None:
    found = packages.matching("lib gtk")
    assert "libgtk-3-0" in found
    assert all("lib" in name and "gtk" in name for name in found)
    assert found == sorted(found, key=lambda name: (len(name), name))


def test_each_thread_has_its_own_connection(tiny: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(database.connection).result() is not database.connection()
    database.use(None)
    with pytest.raises(RuntimeError, match="no database"):
        database.connection()
    database.use(tiny)
