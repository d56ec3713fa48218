"""Whole pages: kept for whom they are right, dropped by what changes them."""

from __future__ import annotations

import pytest
from flask_shop import Product, db


def text(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_a_page_is_made_once(shop):
    app = shop()
    first = text(app.test_client(), "/shelf/1")
    assert text(app.test_client(), "/shelf/1") == first
    assert app.runs == ["/shelf/1"]


def test_what_an_edit_changes_is_made_anew_and_nothing_else(shop):
    app = shop()
    client = app.test_client()
    text(client, "/shelf/1"), text(client, "/shelf/2")
    app.runs.clear()
    client.post("/product/4/99")
    assert "p4: 99" in text(client, "/shelf/1")
    text(client, "/shelf/2")
    assert app.runs == ["/product/4/99", "/shelf/1"]


@pytest.mark.parametrize(
    "write",
    [
        lambda: db.session.execute(db.update(Product).where(Product.name == "p4").values(price=77)),
        lambda: db.session.execute(db.text("UPDATE product SET price = 77 WHERE id = 4")),
        lambda: db.session.bulk_update_mappings(Product, [{"id": 4, "price": 77}]),
        lambda: setattr(db.session.get(Product, 4), "price", 77),
    ],
    ids=["bulk", "raw", "mappings", "orm"],
)
def test_writes_of_a_script_are_seen(shop, write):
    app = shop()
    client = app.test_client()
    text(client, "/shelf/1")
    with app.app_context():
        write()
        db.session.commit()
    assert "p4: 77" in text(client, "/shelf/1")


def test_nobody_sees_anothers_page(shop):
    app = shop()
    ann, bob, crawler = app.test_client(), app.test_client(), app.test_client()
    ann.post("/login/1"), bob.post("/login/2")
    for _ in range(2):
        assert "Hello ann" in text(ann, "/")
        assert "Hello bob" in text(bob, "/")
        assert "Hello nobody" in text(crawler, "/")
    assert app.runs.count("/") == 3
    ann.post("/logout")
    assert "Hello nobody" in text(crawler, "/")  # the redirection of a POST has dropped them all
    assert "Hello nobody" in text(ann, "/")
    assert app.runs.count("/") == 4  # it is the crawler's page


def test_who_is_deactivated_is_served_as_nobody_at_once(shop):
    app = shop()
    ann = app.test_client()
    ann.post("/login/1")
    text(ann, "/"), text(ann, "/")
    with app.app_context():
        db.session.execute(db.text("UPDATE person SET active = 0 WHERE id = 1"))
        db.session.commit()
    assert "Hello nobody" in text(ann, "/")


def test_only_what_is_read_of_a_session_matters(shop):
    app = shop()
    ann = app.test_client()
    ann.post("/login/1")
    text(ann, "/")
    ann.post("/basket/3")
    text(ann, "/")
    assert app.runs.count("/") == 1
    assert text(ann, "/basket") == "ann has 3"
    ann.post("/basket/4")
    assert text(ann, "/basket") == "ann has 3, 4"


def test_a_page_of_one_visitor_says_so_to_caches_outside(shop):
    app = shop()
    ann = app.test_client()
    ann.post("/login/1")
    for _ in range(2):
        answer = ann.get("/")
        assert "private" in answer.headers["Cache-Control"]
        assert "Cookie" in answer.vary
    assert "private" not in app.test_client().get("/shelf/1").headers.get("Cache-Control", "")


def test_who_touches_a_session_and_reads_nothing_of_it_shares_his_page(shop):
    app = shop()

    @app.get("/touch")
    def touch():
        from flask import session

        session._get_current_object()
        return "the same for all"

    for cookie in ("a", "b"):
        client = app.test_client()
        client.set_cookie("other", cookie)
        assert "Cookie" in client.get("/touch").vary
    assert app.runs == ["/touch"]


def test_who_changes_his_session_by_reading_is_not_kept(shop):
    app = shop()

    @app.get("/count")
    def count():
        from flask import session

        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    client = app.test_client()
    assert [text(client, "/count") for _ in range(3)] == ["1", "2", "3"]
    assert text(app.test_client(), "/count") == "1"
