"""Two lines, and an application's pages are kept: what drops them, and what isn't kept."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings
from django_shop.models import Product
from pages_people import status, text

NAMES = "hammer, saw, nail, manual"


def test_a_page_is_everybodys_until_one_of_its_rows_changes(site):
    ann, bob = site.visitor(), site.visitor()
    assert text(ann.get("/")) == text(bob.get("/")) == NAMES
    assert site.ran() == ["/"]
    assert "hit" in status(bob.get("/"))
    Product.objects.filter(pk=1).update(name="mallet")
    assert text(bob.get("/")) == "mallet, saw, nail, manual"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_shop_product SET name = 'axe' WHERE id = 2")
    assert text(ann.get("/")) == "mallet, axe, nail, manual"
    assert site.ran() == ["/", "/"]


def test_other_rows_change_nothing(site):
    visitor = site.visitor()
    visitor.get("/product/1/")
    Product.objects.filter(pk=2).update(name="axe")
    assert text(visitor.get("/product/1/")) == "hammer"
    assert site.ran() == ["/product/1/"]


def test_a_hit_has_what_the_answer_had(site):
    first, second = site.visitor().get("/"), site.visitor().get("/")
    own = {"Cache-Status", "Age", "Etag", "Content-Length"}
    for name in set(first.headers) - own:
        assert second.headers[name] == first.headers[name], name
    assert second.headers["X-Frame-Options"] == "DENY"
    assert second.headers["Etag"] == first.headers["Etag"]


def test_conditions_are_answered(site):
    visitor = site.visitor()
    etag = visitor.get("/").headers["Etag"]
    assert visitor.get("/", headers={"if-none-match": etag}).status_code == 304
    Product.objects.filter(pk=1).update(name="mallet")
    changed = visitor.get("/", headers={"if-none-match": etag})
    assert (changed.status_code, text(changed)) == (200, "mallet, saw, nail, manual")


def test_heads_are_answered_from_pages(site):
    visitor = site.visitor()
    visitor.get("/")
    assert visitor.head("/").status_code == 200
    assert site.ran() == ["/"]


@pytest.mark.parametrize("path", ["/never/", "/streamed/", "/fail/", "/everything/", "/admin/login/"])
def test_what_is_not_kept(site, path):
    visitor = site.visitor(raise_request_exception=False)
    for _ in range(2):
        assert "hit" not in status(visitor.get(path))


def test_writes_of_a_view_are_the_reason(site):
    visitor = site.visitor()
    assert "Set-Cookie" in status(visitor.get("/counted/1/"))
    visitor.get("/counted/1/")
    assert Product.objects.get(pk=1).views == 2


def test_hosts_are_checked_for_hits(site):
    visitor = site.visitor()
    visitor.get("/")
    refused = visitor.get("/", headers={"host": "evil.example"})
    assert refused.status_code == 400
    assert text(visitor.get("/where/", headers={"host": "shop.example"})) == "http://shop.example/x"
    assert text(visitor.get("/where/")) == "http://testserver/x"
    assert text(visitor.get("/where/", secure=True)) == "https://testserver/x"


def test_programs_that_are_turned_away_get_no_hits(site):
    import re

    with override_settings(DISALLOWED_USER_AGENTS=[re.compile("Evil")]):
        visitor = site.visitor()
        visitor.get("/")
        assert visitor.get("/", headers={"user-agent": "Evil 1.0"}).status_code == 403
        assert "hit" in status(visitor.get("/", headers={"user-agent": "Good 1.0"}))


def test_a_post_drops_the_page_of_its_address(site):
    visitor = site.visitor()
    visitor.get("/form/")
    visitor.post("/form/", {"name": "mallet"})
    visitor.get("/form/")
    assert site.ran() == ["/form/"] * 3
    assert "hit" not in status(visitor.post("/form/", {"name": "mallet"}))


def test_users_who_are_no_part_of_a_page_make_no_difference(site):
    site.person("ann")
    site.visitor("ann").get("/")
    site.visitor().get("/")
    assert site.ran() == ["/"]
    User.objects.filter(username="ann").update(first_name="Ann")
    assert "hit" in status(site.visitor().get("/"))
