"""What a page read of its request is its key; who a visitor is, and may, is asked for each hit."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from pages_people import status, text


def test_one_cookie_of_many(site):
    for theme, other in [("dark", "1"), ("dark", "2"), ("light", "3")]:
        visitor = site.visitor()
        visitor.cookies["theme"], visitor.cookies["other"] = theme, other
        answered = visitor.get("/theme/")
        assert text(answered) == f"theme {theme}"
    assert site.ran() == ["/theme/"] * 2
    assert "Cookie" in answered.headers["Vary"] or "cookie" in answered.headers["Vary"]
    assert "private" in answered.headers["Cache-Control"]


@pytest.mark.parametrize(
    "cookie", ["theme=dark; theme=light", "\xa0theme=dark", "theme=\x1fdark", '"theme"=dark']
)
def test_cookies_are_compared_as_django_reads_them(site, cookie):
    plain, sly = site.visitor(), site.visitor()
    expected = text(sly.get("/theme/", HTTP_COOKIE=cookie))
    assert text(plain.get("/theme/")) == "theme light"
    assert text(sly.get("/theme/", HTTP_COOKIE=cookie)) == expected


def test_fields_that_were_read(site):
    visitor = site.visitor()
    kinds = [{"x-kind": "a"}, {"x-kind": "b"}, {"x-sort": "up"}, {}, {"x-else": "1"}]
    for _ in range(2):
        assert [text(visitor.get("/header/", headers=each)) for each in kinds] == [
            "agent a None", "agent b None", "agent None up", "agent None None", "agent None None",
        ]  # fmt: skip
    assert len(site.ran()) == 4


def test_addresses(site):
    visitor = site.visitor()
    for _ in range(2):
        for address in ("192.0.2.1", "192.0.2.2"):
            assert text(visitor.get("/address/", REMOTE_ADDR=address)) == f"from {address}"
    assert len(site.ran()) == 2


def test_people_have_their_own(site):
    site.person("ann"), site.person("bob")
    ann, bob, nobody = site.visitor("ann"), site.visitor("bob"), site.visitor()
    for _ in range(2):
        assert [text(each.get("/hello/")) for each in (ann, bob, nobody)] == [
            "hello ann", "hello bob", "hello stranger",
        ]  # fmt: skip
    assert site.ran() == ["/hello/"] * 3
    elsewhere = site.visitor("ann")  # at another computer; that she signed in there is a change of her row
    for each in (ann, elsewhere, ann, bob):
        assert text(each.get("/hello/")) == f"hello {'bob' if each is bob else 'ann'}"
    assert site.ran() == ["/hello/"]


def test_a_hit_of_who_is_signed_in_costs_one_query(site):
    site.person("ann")
    ann = site.visitor("ann")
    ann.get("/hello/")
    with CaptureQueriesContext(connection) as queries:
        assert "hit" in status(ann.get("/hello/"))
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        site.visitor().get("/hello/")
        before = len(queries)
        assert "hit" in status(site.visitor().get("/hello/"))
    assert len(queries) == before


def _log_out(ann):
    ann.post("/sign-out/")


def _session_gone(ann):
    Session.objects.all().delete()


def _session_expired(ann):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_session SET expire_date = '2001-01-01 00:00:00'")


def _deactivated(ann):
    User.objects.filter(username="ann").update(is_active=False)


def _password_changed(ann):
    user = User.objects.get(username="ann")
    user.set_password("other")
    user.save()


def _deleted(ann):
    User.objects.get(username="ann").delete()


@pytest.mark.parametrize(
    "end", [_log_out, _session_gone, _session_expired, _deactivated, _password_changed, _deleted]
)
def test_who_is_no_longer_signed_in_gets_no_more_of_his_pages(site, end):
    site.person("ann")
    ann = site.visitor("ann")
    cookie = ann.cookies["sessionid"].value
    for _ in range(2):
        assert text(ann.get("/hello/")) == "hello ann"
    assert ann.get("/mine/").status_code == ann.get("/mine/").status_code == 200
    end(ann)
    for _ in range(2):
        ann.cookies["sessionid"] = cookie
        assert text(ann.get("/hello/")) == "hello stranger"
        ann.cookies["sessionid"] = cookie
        assert ann.get("/mine/").status_code == 302


def test_rights(site):
    user = site.person("ann")
    ann = site.visitor("ann")
    for _ in range(2):
        assert text(ann.get("/rights/")) == "may: False"
    user.user_permissions.add(site.right())
    for _ in range(2):
        assert text(ann.get("/rights/")) == "may: True"
    user.user_permissions.clear()
    assert text(ann.get("/rights/")) == "may: False"


def test_values_of_a_session(site):
    ann, bob = site.visitor(), site.visitor()
    ann.get("/remember/red/"), bob.get("/remember/blue/")
    site.ran()
    for _ in range(2):
        assert (text(ann.get("/colour/")), text(bob.get("/colour/"))) == ("colour red", "colour blue")
    assert len(site.ran()) == 2
    ann.get("/remember/blue/")
    assert text(ann.get("/colour/")) == "colour blue"
    assert site.ran() == ["/remember/blue/"]  # as bob's
    assert "hit" not in status(ann.get("/remember/blue/"))


BACKENDS = "django.contrib.sessions.backends"


@pytest.mark.parametrize(
    "store", [f"{BACKENDS}.signed_cookies", f"{BACKENDS}.cached_db", f"{BACKENDS}.cache"]
)
def test_sessions_elsewhere(site, store):
    with override_settings(SESSION_ENGINE=store):
        site.person("ann")
        ann, bob = site.visitor("ann"), site.visitor()
        for _ in range(2):
            assert text(ann.get("/hello/")) == "hello ann"
            assert text(bob.get("/hello/")) == "hello stranger"
        assert len(site.ran()) == 2
        ann.post("/sign-out/")
        assert text(ann.get("/hello/")) == "hello stranger"


def test_sessions_that_last_longer_with_each_request_get_no_hits(site):
    with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        site.person("ann")
        ann = site.visitor("ann")
        assert all("sessionid" in ann.get("/").cookies for _ in range(3))
        site.visitor().get("/")
        assert "hit" in status(site.visitor().get("/"))


def test_messages(site):
    ann, bob = site.visitor(), site.visitor()
    assert text(bob.get("/notes/")) == "nothing"
    ann.get("/told/")
    assert text(ann.get("/notes/")) == "<b>It is done.</b>"
    assert text(ann.get("/notes/")) == text(bob.get("/notes/")) == "nothing"
    assert "hit" in status(bob.get("/notes/"))


@override_settings(
    USE_I18N=True,
    MIDDLEWARE=[
        "afresh.django.Middleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
    ],
)
def test_languages(site):
    visitor = site.visitor()
    wanted = {"de": "Montag", "de-CH,de;q=0.9": "Montag", "fr": "lundi", "en": "Monday"}
    for _ in range(2):
        for accepted, day in wanted.items():
            answered = visitor.get("/today/", headers={"accept-language": accepted})
            assert text(answered) == day
    assert len(site.ran()) == 3
    assert "accept-language" in answered.headers["Vary"].lower()
    visitor.cookies["django_language"] = "de"
    assert text(visitor.get("/today/", headers={"accept-language": "fr"})) == "Montag"


def test_what_django_has_read_before(site):
    """The type of the content, and how the query is to be decoded by it."""
    visitor = site.visitor()
    for _ in range(2):
        for kind in ("text/html", "application/json", ""):
            assert text(visitor.get("/kind/", CONTENT_TYPE=kind)) == f"kind {kind}"
    assert len(site.ran()) == 3
    query = "/said/?q=%C3%A4"
    sly = visitor.get(query, CONTENT_TYPE="text/html; charset=latin-1")
    assert text(sly) == "said \u00c3\u00a4"
    for _ in range(2):
        assert text(visitor.get(query)) == "said \u00e4"
    assert text(visitor.get(query, CONTENT_TYPE="text/html; charset=latin-1")) == text(sly)


@override_settings(USE_X_FORWARDED_HOST=True)
def test_hosts_behind_a_proxy(site):
    visitor = site.visitor()
    for host in ("one.example", "two.example"):
        fields = {"x-forwarded-host": "shop.example", "host": host}
        for _ in range(2):
            assert text(visitor.get("/host/", headers=fields)) == f"host {host} {host}"
            assert text(visitor.get("/where/", headers=fields)) == "http://shop.example/x"
    assert site.ran().count("/where/") == 1
