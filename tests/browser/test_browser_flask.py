"""Flask in a real browser: names, forms and edits on pages that are kept, by two workers of one site."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from afresh.testing.servers.process import Server, accepts

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SITE = Path(__file__).parent / "browser_flask_site.py"


class Worker(Server):
    """One process of the site."""

    def __init__(self, folder: Path, database: Path) -> None:
        super().__init__(folder)
        self._database = database

    def command(self) -> Sequence[str]:
        machine = f"AFRESH_DIR={self.folder.parent / 'machine'}"
        return ["/usr/bin/env", machine, sys.executable, str(SITE), str(self._database), str(self.port)]

    def answers(self) -> bool:
        return accepts(self.port)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "dishes.sqlite3"
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.executescript(
            "CREATE TABLE dish (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO dish VALUES (1, 'soup')"
        )
    return path


@pytest.fixture
def workers(tmp_path: Path, database: Path) -> Iterator[list[str]]:
    """The address of each."""
    with ExitStack() as stack:
        started = [stack.enter_context(Worker(tmp_path / name, database)) for name in ("one", "two")]
        yield [f"http://127.0.0.1:{each.port}" for each in started]


def _seen(visitor, workers):
    """What both workers show. The cache has it, for who asks again."""
    for address in workers:
        visitor.go(address)
    assert "; hit" in (visitor.header("cache-status") or "")
    return visitor.driver.find_element("tag name", "h1").text


def test_names_forms_and_edits_on_kept_pages(browser, workers, database):
    ann, other = browser(), browser()
    assert _seen(ann, workers) == _seen(other, workers) == "soup for a stranger"
    made = [each.driver.find_element("tag name", "h1").get_attribute("id") for each in (ann, other)]
    assert made[0] == made[1], "one page for both, each with a token of his own in its form"
    ann.send("#sign-in", name="ann")
    assert _seen(ann, workers) == "soup for ann"
    assert _seen(other, workers) == "soup for a stranger"
    other.send("#sign-in", name="bob")
    assert _seen(other, workers) == "soup for bob"
    ann.send("#rename", to="stew")
    assert ann.text.startswith("stew for ann")
    assert _seen(other, workers) == "stew for bob"
    with closing(sqlite3.connect(database)) as elsewhere, elsewhere:
        elsewhere.execute("UPDATE dish SET name = 'broth'")
    assert _seen(ann, workers) == "broth for ann"  # a reload would have the site asked anyway
    kept = ann.driver.get_cookies()
    ann.driver.delete_all_cookies()
    assert _seen(ann, workers) == "broth for a stranger"
    ann.driver.delete_all_cookies()
    for cookie in kept:
        ann.driver.add_cookie(cookie)
    assert _seen(ann, workers) == "broth for ann"
    ann.send("#sign-out")
    for cookie in kept:  # who has copied them has the id of a session that is over
        ann.driver.add_cookie(cookie)
    assert _seen(ann, workers) == "broth for a stranger"
    assert _seen(other, workers) == "broth for bob"
    forged = "document.querySelector('[name=csrf_token]').value = 'forged'"
    other.driver.execute_script(forged)
    other.send("#sign-out")
    assert "CSRF token" in other.text
    assert _seen(other, workers) == "broth for bob"
