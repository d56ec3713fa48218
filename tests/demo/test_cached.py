"""The catalogue with afresh in front: whatever is edited, and by whom, every page is what it is without."""

from __future__ import annotations

import inspect
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from afresh import Cache
from afresh.demo import cached
from afresh.demo.cached import KEPT, with_afresh
from afresh.demo.catalogue import database, edits, packages, pages, people, statistics
from afresh.demo.catalogue.web import create_site

NAMES = ("a", "b", "c", "d", "e")
SECTIONS = ("first", "second")

EDIT = st.tuples(
    st.just("edit"),
    st.sampled_from(NAMES),
    st.builds(edits.Edit, st.sampled_from(SECTIONS), st.integers(0, 3), st.sampled_from(["", "seen"])),
)
RATE = st.tuples(st.just("rate"), st.sampled_from(NAMES), st.sampled_from(["anna", "ben"]), st.integers(1, 5))
ELSEWHERE = st.tuples(
    st.just("elsewhere"),
    st.sampled_from(
        [
            "UPDATE package SET installed = installed + 1 WHERE name = ?",
            "UPDATE package SET section = 'second' WHERE name = ?",
            "UPDATE package SET note = note || '!' WHERE name > ?",
            "INSERT OR REPLACE INTO rating VALUES (?, 'anna', 1)",
            "DELETE FROM rating WHERE package = ?",
            "DELETE FROM dependency WHERE target = ?",
            "INSERT OR REPLACE INTO dependency VALUES (?, 0, 'e')",
            "INSERT OR IGNORE INTO star VALUES ('ben', ?)",
        ]
    ),
    st.sampled_from(NAMES),
)
STAR = st.tuples(st.just("toggle_star"), st.sampled_from(NAMES), st.sampled_from(["anna", "ben"]))


def _everything() -> dict[str, Any]:
    """Every page, and what is personal."""
    found: dict[str, Any] = {"home": pages.home(), "overview": pages.overview(), "search": pages.search("a")}
    for name in SECTIONS:
        found[f"section {name}"] = pages.section(name, 1)
    for name in NAMES:
        found[f"package {name}"] = pages.package(name)
    for person in ("anna", "ben"):
        found[f"starred {person}"] = people.starred(person)
    return found


@contextmanager
def _with_memory() -> Iterator[Cache]:
    with Cache("memory://", consistency="strict") as cache, with_afresh(cache):
        yield cache


def _elsewhere(sql: str, *values: Any) -> None:
    """What another program does: it knows of no cache."""
    with closing(sqlite3.connect(database.path())) as connection, connection:
        connection.execute(sql, values)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(EDIT, RATE, STAR, ELSEWHERE), max_size=8))
def test_after_any_edits_every_page_is_what_it_is_without(tiny: Path, steps: list[tuple[Any, ...]]) -> None:
    database.use(None)
    own = Path(shutil.copy(tiny, tiny.with_name("own.db")))
    database.use(own)
    with _with_memory():
        _everything()
        for kind, *arguments in steps:
            with suppress(edits.Refused):
                _elsewhere(*arguments) if kind == "elsewhere" else getattr(edits, kind)(*arguments)
            _everything()
        shown = _everything()
    assert shown == _everything()


@pytest.mark.usefixtures("tiny")
def test_a_second_look_loads_nothing() -> None:
    with _with_memory() as cache:
        first = _everything()
        loads = cache.stats().loads
        assert _everything() == first
        assert cache.stats().loads == loads > 0


@pytest.mark.usefixtures("tiny")
def test_a_change_drops_what_showed_it_and_nothing_else() -> None:
    with _with_memory() as cache:
        _everything()
        edits.edit("e", edits.Edit("second", 50, "only the note"))
        loads = cache.stats().loads
        _everything()
        assert cache.stats().loads == loads + 1, "the page of e shows its note; lists and sums don't"
        edits.rate("e", "anna", 5)
        pages.package("a")
        assert cache.stats().loads == loads + 1, "a has nothing to do with e"


@pytest.mark.usefixtures("tiny")
def test_what_another_program_changes_drops_what_showed_it_and_nothing_else() -> None:
    with _with_memory() as cache:
        _everything()
        _elsewhere("UPDATE package SET note = 'from elsewhere' WHERE name = 'e'")
        loads = cache.stats().loads
        assert "from elsewhere" in str(pages.package("e"))
        _everything()
        assert cache.stats().loads == loads + 1, "the page of e shows its note; lists and sums don't"


def test_nothing_is_declared() -> None:
    source = inspect.getsource(cached)
    assert "tags" not in source
    assert "invalidate" not in source
    assert "depends_on" not in source


@pytest.mark.usefixtures("tiny")
def test_what_a_page_does_not_show_yet_can_change_it_too() -> None:
    with database.transaction() as writing:
        writing.execute("DELETE FROM rating")
        writing.executemany("INSERT INTO rating VALUES ('e', ?, 5)", [(f"x{number}",) for number in range(9)])
    with _with_memory():
        assert 'href="/package/e"' not in pages.home()
        edits.rate("e", "anna", 5)
        assert 'href="/package/e"' in pages.home(), "the tenth rating puts it on the list"
        assert pages.section("first", 2) is None
        edits.edit("a", edits.Edit("second", 10, ""))
        edits.edit("b", edits.Edit("second", 20, ""))
        assert pages.section("first", 1) is None
        assert "first" not in pages.overview()


@pytest.mark.usefixtures("tiny")
def test_the_catalogue_is_itself_again_afterwards() -> None:
    functions = [*KEPT, database.open_file]
    modules = (database, edits, packages, pages, people, statistics)
    with _with_memory():
        replaced = [getattr(module, name) for module in modules for name in vars(module)]
        assert not set(functions) & {each for each in replaced if callable(each)}
    for function in functions:
        module = next(each for each in modules if each.__name__ == function.__module__)
        assert getattr(module, function.__name__) is function


def test_a_visitor_never_sees_anothers_stars(tiny: Path) -> None:
    with _with_memory(), TestClient(create_site(tiny, "a secret")) as client:
        for person in ("anna", "ben", "anna", "ben"):
            client.post("/sign-in", data={"name": person, "password": database.PASSWORD})
            for target in ("/", "/package/a"):
                text = client.get(target).text
                assert f'value="{person}"' in text
                assert all(f"starred:{other}" not in text for other in {"anna", "ben"} - {person})
