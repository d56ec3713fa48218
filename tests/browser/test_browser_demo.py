"""The catalogue in a real browser: whole pages from the caches of two workers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from afresh.demo.catalogue import database
from afresh.demo.dataset import Facts
from afresh.demo.drive.servers import AFRESH, Workers

pytestmark = [pytest.mark.servers, pytest.mark.slow]

PAGES = ("/", "/section/net", "/package/curl")


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.db"
    facts = Facts(
        name=["curl", "libcurl4", "wget"],
        version=["7", "8", "1"],
        section=[0, 0, 0],
        priority=[0, 0, 0],
        source=["", "curl", ""],
        installed=[10, 20, 30],
        archive=[1, 2, 3],
        degree=[1, 0, 0],
        target=[0],
        popular=[1],
        sections=["net"],
        priorities=["optional"],
    )
    database.create(path, facts)
    return path


@pytest.fixture
def workers(catalogue: Path, tmp_path: Path) -> Iterator[list[str]]:
    """The address of each worker. Both share the machine's cache."""
    with Workers(catalogue, AFRESH, environment={"AFRESH_DIR": str(tmp_path / "cache")}) as running:
        yield [f"http://{host}:{port}" for host, port in running.addresses]


def _sign_in(browser, address, person):
    browser.go(f"{address}/sign-in")
    browser.send(name=person, password=database.PASSWORD)
    assert person in browser.text


def _visit(browser, address):
    """Visit all pages twice, so that they come from the cache; gives all that was shown."""
    shown = []
    for _ in range(2):
        for page in PAGES:
            browser.go(address + page)
            shown.append(browser.source)
    assert "; hit" in (browser.header("cache-status") or "")
    return "".join(shown)


def test_a_click_after_an_edit_shows_the_new_text(browser, workers, catalogue):
    reader, editor = browser(), browser()
    reader.go(f"{workers[0]}/package/curl")
    assert "Speaks many protocols." not in reader.text
    reader.click("net")
    assert "; hit" in (reader.header("cache-status") or "")
    _sign_in(editor, workers[1], "editor")
    editor.go(f"{workers[1]}/package/curl")
    editor.click("Edit")
    editor.send(note="Speaks many protocols.")
    assert "Speaks many protocols." in editor.text
    reader.click("curl")
    assert "Speaks many protocols." in reader.text
    assert "; hit" in (reader.header("cache-status") or "")
    with closing(sqlite3.connect(catalogue)) as elsewhere, elsewhere:
        elsewhere.execute("UPDATE package SET note = 'By another program.' WHERE name = 'curl'")
    reader.click("net")
    reader.click("curl")
    assert "By another program." in reader.text


def test_nobody_sees_another_and_who_has_signed_out_is_nobody(browser, workers):
    anna, ben = browser(), browser()
    _sign_in(anna, workers[0], "anna")
    assert "anna" in _visit(anna, workers[0])
    for address in workers:
        assert "anna" not in _visit(ben, address)
    _sign_in(ben, workers[0], "ben")
    for address in workers:
        shown = _visit(ben, address)
        assert "ben" in shown
        assert "anna" not in shown
    shown = _visit(anna, workers[1])
    assert "anna" in shown
    assert 'value="ben"' not in shown
    anna.click("Sign out")
    assert "Sign in" in anna.text
    for address in workers:
        assert "anna" not in _visit(anna, address)
    assert "ben" in _visit(ben, workers[1])
