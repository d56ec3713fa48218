"""The pages, as a visitor meets them."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from afresh.demo.catalogue import database, edits, packages, pages
from afresh.demo.drive.oracle import shown


@pytest.mark.parametrize(
    "target", ["/", "/section/first", "/package/a", "/search?q=a", "/statistics", "/sign-in"]
)
def test_every_page_is_there_and_private_to_nobody(client: TestClient, target: str) -> None:
    answer = client.get(target)
    assert answer.status_code == 200
    assert answer.text.startswith("<!doctype html>")
    assert answer.text.rstrip().endswith("</html>")
    assert shown(answer.content)["visitor"] == ""
    assert "Your stars" not in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "/package/nothing",
        "/section/nothing",
        "/section/first?page=2",
        "/section/first?page=0",
        "/section/first?page=x",
        "/section/first?page=%C2%B2",
    ],
)
def test_what_is_not_there_is_not_found(client: TestClient, target: str) -> None:
    assert client.get(target).status_code == 404


def test_a_page_shows_what_the_database_says(client: TestClient) -> None:
    body = client.get("/package/a").content
    facts = shown(body)
    assert facts["installed:a"] == "10"
    assert facts["section:c"] == "second"
    assert b"100 KiB <small>4 packages" in body
    assert shown(client.get("/section/second").content)["packages-in:second"] == "3"


def test_signing_in_and_out(client: TestClient) -> None:
    assert client.post("/sign-in", data={"name": "anna", "password": "wrong"}).status_code == 403
    assert client.post("/sign-in", data={"name": "nobody", "password": "demo"}).status_code == 403
    answer = client.post("/sign-in", data={"name": "anna", "password": "demo"})
    assert answer.status_code == 303
    assert "httponly" in answer.headers["set-cookie"].lower()
    facts = shown(client.get("/").content)
    assert facts["visitor"] == "anna"
    assert "starred:anna" in facts
    client.post("/sign-out")
    assert shown(client.get("/").content)["visitor"] == ""


def test_a_forged_cookie_is_nobody(client: TestClient) -> None:
    client.cookies.set("person", '"editor".forged')
    assert shown(client.get("/").content)["visitor"] == ""


def test_the_stars_of_one_visitor_are_on_each_page(client: TestClient) -> None:
    client.post("/sign-in", data={"name": "ben", "password": "demo"})
    before = set(shown(client.get("/").content)["starred:ben"].split())
    assert "e" not in before
    assert client.post("/star/e").status_code == 303
    for target in ("/", "/package/a", "/statistics"):
        assert set(shown(client.get(target).content)["starred:ben"].split()) == before | {"e"}


def test_the_editors_form_changes_a_package(editor: TestClient) -> None:
    assert 'value="10"' in editor.get("/edit/a").text
    form = {"section": "second", "installed": "11", "note": "  <b>new</b>\n size "}
    answer = editor.post("/edit/a", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/package/a")
    body = editor.get("/package/a").content
    facts = shown(body)
    assert (facts["section:a"], facts["installed:a"], facts["note:a"]) == ("second", "11", "<b>new</b> size")
    assert b"<b>new" not in body


@pytest.mark.parametrize(
    "form",
    [
        {"section": "third", "installed": "1"},
        {"section": "first", "installed": "x"},
        {},
        {"section": "first"},
    ],
)
def test_a_wrong_form_changes_nothing(editor: TestClient, form: dict[str, str]) -> None:
    assert editor.post("/edit/a", data=form).status_code == 400
    assert packages.installed("a") == 10


def test_only_the_editor_edits(client: TestClient) -> None:
    form = {"section": "first", "installed": "11", "note": ""}
    assert client.get("/edit/a").status_code == 403
    assert client.post("/edit/a", data=form).status_code == 403
    assert client.post("/rate/a", data={"stars": "5"}).status_code == 403
    client.post("/sign-in", data={"name": "anna", "password": database.PASSWORD})
    assert client.get("/edit/a").status_code == 403
    assert client.post("/edit/a", data=form).status_code == 403
    assert client.post("/rate/a", data={"stars": "5"}).status_code == 303
    assert packages.installed("a") == 10


def test_what_visitors_write_is_escaped(editor: TestClient) -> None:
    edits.edit("a", edits.Edit("first", 10, '"><script>alert(1)</script>'))
    assert b"<script" not in editor.get("/package/a").content
    assert b"<script" not in editor.get("/search?q=%22%3E%3Cscript%3E").content


def test_pages_load_nothing_from_elsewhere(editor: TestClient) -> None:
    for target in ("/", "/package/a", "/statistics", "/static/style.css"):
        body = editor.get(target).text
        assert "//" not in body.replace("<!--", "")
    assert editor.get("/static/icon.svg").status_code == 200


@pytest.mark.parametrize(
    ("kibibytes", "text"), [(0, "0 KiB"), (1023, "1023 KiB"), (1536, "1.5 MiB"), (2**30, "1.0 TiB")]
)
def test_sizes_are_written_as_people_read_them(kibibytes: int, text: str) -> None:
    assert pages.size(kibibytes) == text
