"""Whole pages from afresh: whatever is edited, and by whom, each visitor gets what he gets without."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from afresh import Cache
from afresh.demo.cached import with_afresh, with_pages
from afresh.demo.catalogue import database
from afresh.demo.catalogue.people import Tickets
from afresh.demo.catalogue.web import create_site
from sizes import size

SECRET = "a secret"
VISITORS = ("", "anna", "editor")
TARGETS = (
    *(f"/package/{name}" for name in "abcde"),
    *("/", "/section/first", "/section/second", "/statistics", "/search?q=a", "/package/nothing", "/sign-in"),
)
FORMS = st.one_of(
    st.tuples(
        st.sampled_from(["/edit/a", "/edit/c", "/edit/nothing"]),
        st.fixed_dictionaries(
            {
                "section": st.sampled_from(["first", "second", "third"]),
                "installed": st.sampled_from(["1", "9"]),
            }
        ),
    ),
    st.tuples(
        st.sampled_from(["/rate/a", "/rate/e"]), st.fixed_dictionaries({"stars": st.sampled_from("159")})
    ),
    st.tuples(st.sampled_from(["/star/a", "/star/e"]), st.just({})),
)
BY_FORM = st.tuples(st.sampled_from(VISITORS), FORMS)
ELSEWHERE = st.sampled_from(
    [
        "UPDATE package SET installed = installed + 1 WHERE name = 'c'",
        "UPDATE package SET note = note || '!' WHERE name > 'c'",
        "INSERT OR REPLACE INTO rating VALUES ('b', 'anna', 1)",
        "DELETE FROM dependency WHERE target = 'c'",
        "INSERT OR IGNORE INTO star VALUES ('anna', 'd')",
        "DELETE FROM package WHERE name = 'e'",
    ]
)


class Site:
    """The catalogue, asked by several visitors; with afresh in front, and the same without."""

    def __init__(self, path: Path, cache: Cache) -> None:
        plain = create_site(path, SECRET)
        self.cache = cache
        self.plain = TestClient(plain, follow_redirects=False)
        self.fast = TestClient(with_pages(plain, cache), follow_redirects=False)

    def get(self, client: TestClient, visitor: str, target: str) -> tuple[int, bytes, bool]:
        answer = client.get(target, headers=_cookie(visitor))
        return answer.status_code, answer.content, "; hit" in answer.headers.get("cache-status", "")

    def post(self, visitor: str, target: str, form: dict[str, str]) -> int:
        return self.fast.post(target, data=form, headers=_cookie(visitor)).status_code

    def elsewhere(self, sql: str) -> None:
        """What another program does: it knows of no cache."""
        with closing(sqlite3.connect(database.path())) as connection, connection:
            connection.execute(sql)

    def check(self) -> None:
        """Each visitor gets what he gets without."""
        for visitor in VISITORS:
            for target in TARGETS:
                right = self.get(self.plain, visitor, target)[:2]
                assert self.get(self.fast, visitor, target)[:2] == right, (visitor, target)


def _cookie(visitor: str) -> dict[str, str]:
    return {"cookie": f"person={Tickets(SECRET).write(visitor)}"} if visitor else {}


@contextmanager
def _site(path: Path) -> Iterator[Site]:
    with Cache("memory://", consistency="strict") as cache:
        site = Site(path, cache)
        with site.plain, site.fast, with_afresh(cache):
            yield site


@pytest.fixture
def site(tiny: Path) -> Iterator[Site]:
    with _site(tiny) as made:
        yield made


@settings(
    max_examples=size(4, 60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.one_of(BY_FORM, ELSEWHERE), max_size=4))
def test_after_any_edits_every_visitor_gets_what_he_gets_without(tiny: Path, steps: list[object]) -> None:
    own = Path(shutil.copy(tiny, tiny.with_name("own.db")))
    with _site(own) as site:
        site.check()
        for step in steps:
            if isinstance(step, str):
                site.elsewhere(step)
            else:
                visitor, (target, form) = step  # type: ignore[misc]
                site.post(visitor, target, form)
            site.check()
        site.check()
    database.use(None)


def test_a_second_look_is_answered_from_memory(site: Site) -> None:
    shown = {each for each in TARGETS if each != "/package/nothing"}
    for visitor in VISITORS:
        for target in shown:
            site.get(site.fast, visitor, target)
    assert all(site.get(site.fast, visitor, target)[2] for visitor in VISITORS for target in shown)


def test_an_edit_drops_the_pages_that_show_it_and_no_others(site: Site) -> None:
    for target in TARGETS:
        site.get(site.fast, "", target)
    form = {"section": "second", "installed": "50", "note": "only the note"}
    assert site.post("editor", "/edit/e", form) == 303
    assert not site.get(site.fast, "", "/package/e")[2]
    assert all(site.get(site.fast, "", target)[2] for target in ("/", "/package/a", "/section/second"))


def test_a_star_is_seen_by_who_gave_it(site: Site) -> None:
    for visitor in VISITORS:
        site.get(site.fast, visitor, "/statistics")
    assert site.post("anna", "/star/e", {}) == 303
    dropped = {visitor: not site.get(site.fast, visitor, "/statistics")[2] for visitor in VISITORS}
    assert dropped == {"": False, "anna": True, "editor": False}


def test_who_signs_out_is_nobody_at_once(site: Site) -> None:
    signed_in = site.fast.post("/sign-in", data={"name": "anna", "password": database.PASSWORD})
    assert signed_in.status_code == 303
    assert [b'value="anna"' in site.fast.get("/").content for _ in range(3)] == [True] * 3
    site.fast.post("/sign-out")
    assert [b'value="anna"' in site.fast.get("/").content for _ in range(3)] == [False] * 3


def test_a_cookie_that_was_not_signed_here_gets_the_page_of_nobody(site: Site) -> None:
    site.get(site.fast, "anna", "/")
    forged = site.fast.get("/", headers={"cookie": "person=ImFubmEi.forged"})
    assert b"anna" not in forged.content
