"""What may be stored (RFC 9111 §3), and what a shared cache keeps for nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from rfc_messages import DATE, NOW, get, judged, kept, ok, refused

from afresh.rfc import Head, Refusal, Request, Settings, Stored

PRIVATE_CACHE = Settings(shared=False)
FRESH = {"cache_control": "max-age=60"}


def test_a_fresh_response_is_stored() -> None:
    stored = kept(ok(cache_control="max-age=60", content_type="text/html"))
    assert (stored.lifetime, stored.initial_age, stored.length) == (60, 0, 10)
    assert stored.fresh_until == NOW + 60
    assert stored.head.fields.get(b"content-length") == b"10"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"cache_control": "no-store"}, "no-store"),
        ({"cache_control": ["max-age=60", "no-store"]}, "no-store"),
        ({"cache_control": "public, max-age=60, NO-STORE"}, "no-store"),
        ({"cache_control": "private, max-age=60"}, "private"),
        ({"cache_control": ["max-age=60", "private"]}, "private"),
        ({"cache_control": "max-age=60", "set_cookie": "a=b"}, "Set-Cookie"),
        ({"cache_control": "public, s-maxage=60", "set_cookie": "a=b"}, "Set-Cookie"),
        ({"cache_control": "max-age=60", "vary": "*"}, "Vary: *, or one that can't be read"),
        ({"cache_control": "max-age=60", "vary": ["a", "b, *"]}, "Vary: *, or one that can't be read"),
        ({"cache_control": "max-age=60", "vary": "a b"}, "Vary: *, or one that can't be read"),
        (
            {"cache_control": "max-age=60", "vary": ",".join(f"f{n}" for n in range(17))},
            "Vary: *, or one that can't be read",
        ),
        ({}, "neither freshness nor a validator"),
        ({"cache_control": "max-age=0"}, "neither freshness nor a validator"),
        ({"expires": "0"}, "neither freshness nor a validator"),
    ],
)
def test_a_response_says_that_it_is_not_stored(given: dict[str, Any], reason: str) -> None:
    found = judged(ok(**given))
    assert isinstance(found, Refusal)
    assert (found.reason, found.request) == (reason, False)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (get(method="HEAD"), "the method HEAD"),
        (get(method="DELETE"), "the method DELETE"),
        (get(method="get"), "the method get"),
        (get(method="POST"), "POST"),
        (get(cache_control="no-store"), "the request's no-store"),
        (get(authorization="Basic x"), "the request has Authorization"),
        (get(cookie="session=1"), "the request has Cookie"),
        (get(content_length="3"), "GET with content"),
        (get(transfer_encoding="chunked"), "GET with content"),
        (get(x_http_method_override="DELETE"), "the request names another method"),
        (get(if_match='"a"'), "a condition that is the origin's to answer"),
        (Request("QUERY", "https", b"example.org", b"/", content=None), "QUERY whose content was not read"),
    ],
)
def test_a_request_makes_the_answer_its_own(request_: Request, reason: str) -> None:
    found = judged(ok(**FRESH), request_)
    assert isinstance(found, Refusal)
    assert (found.reason, found.request) == (reason, True)


def test_a_get_that_says_it_has_no_content_is_a_plain_one() -> None:
    kept(ok(**FRESH), get(content_length="0"))


@pytest.mark.parametrize("given", ["public, max-age=60", "s-maxage=60", "max-age=60, must-revalidate"])
def test_an_answer_to_authorization_is_stored_when_it_says_so(given: str) -> None:
    kept(ok(cache_control=given), get(authorization="Basic x"))


@pytest.mark.parametrize(
    "given",
    [
        {"cache_control": "public, max-age=60"},
        {"cache_control": "s-maxage=60"},
        {"cache_control": "max-age=60", "vary": "Accept, Cookie"},
        {"cdn_cache_control": "max-age=60"},
    ],
)
def test_an_answer_to_a_cookie_is_stored_when_it_says_so(given: dict[str, Any]) -> None:
    kept(ok(**given), get(cookie="a=b"))


def test_what_a_private_cache_may_store() -> None:
    head = ok(cache_control="private, max-age=60", set_cookie="a=b")
    kept(head, get(authorization="Basic x", cookie="a=b"), settings=PRIVATE_CACHE)
    assert refused(ok(cache_control="no-store"), settings=PRIVATE_CACHE) == "no-store"
    forbidden = ok(403, cache_control="private", etag='"a"', last_modified="Sun, 06 Nov 1994 08:49:37 GMT")
    assert kept(forbidden, settings=PRIVATE_CACHE).lifetime == 0


def test_the_settings_open_what_the_rfc_leaves_open() -> None:
    kept(ok(set_cookie="a=b", **FRESH), settings=Settings(set_cookie=True))
    kept(ok(**FRESH), get(cookie="a=b"), settings=Settings(cookies=True))
    kept(ok(**FRESH), get(authorization="x"), settings=Settings(authorization=True))
    stored = kept(ok(), settings=Settings(default_lifetime=30))
    assert stored.lifetime == 30


def test_a_qualified_directive_drops_the_fields_that_it_lists() -> None:
    stored = kept(
        ok(
            cache_control='max-age=60, no-cache="Set-Cookie", private="x-own"',
            set_cookie="a=b",
            x_own="1",
            x_other="2",
        )
    )
    assert not stored.validate
    assert stored.head.fields.names().isdisjoint([b"set-cookie", b"x-own"])
    assert stored.head.fields.get(b"x-other") == b"2"


@pytest.mark.parametrize("status", [206, 304, 401, 412, 416, 429, 431])
def test_a_status_that_speaks_of_one_request_is_not_shared(status: int) -> None:
    found = judged(ok(status, **FRESH))
    assert isinstance(found, Refusal)
    assert found.request


@pytest.mark.parametrize("status", [100, 101, 103, 199, 600, 999])
def test_only_final_statuses_are_stored(status: int) -> None:
    assert refused(ok(status, **FRESH)) == f"the status {status}"


@pytest.mark.parametrize("status", [200, 203, 204, 299, 301, 302, 307, 308, 404, 410, 451, 500, 503, 599])
def test_any_other_status_is_stored_with_explicit_freshness(status: int) -> None:
    assert kept(ok(status, **FRESH), length=0).lifetime == 60


@pytest.mark.parametrize("status", [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])
def test_some_are_stored_without(status: int) -> None:
    kept(ok(status, etag='"a"'), length=0)


@pytest.mark.parametrize("status", [201, 202, 302, 303, 307, 403, 500, 503])
def test_and_others_are_not(status: int) -> None:
    head = ok(status, etag='"a"', last_modified="Sun, 06 Nov 1994 08:49:37 GMT")
    assert refused(head) == f"the status {status} without explicit freshness"
    kept(ok(status, cache_control="public", etag='"a"'))


def test_what_is_never_fresh_is_stored_when_it_can_be_validated() -> None:
    assert kept(ok(cache_control="max-age=0", etag='"a"')).lifetime == 0
    assert kept(ok(cache_control="max-age=0", last_modified="Sun, 06 Nov 1994 08:49:37 GMT")).lifetime == 0


def test_what_is_never_fresh_is_stored_when_it_may_be_served_stale() -> None:
    kept(ok(cache_control="max-age=0, stale-while-revalidate=60"))
    kept(ok(cache_control="max-age=0, stale-if-error=60"))
    assert kept(ok(404, cache_control="max-age=0", etag='"a"')).lifetime == 0


def test_must_understand() -> None:
    assert (
        refused(ok(599, cache_control="must-understand, max-age=60")) == "must-understand, and the status 599"
    )
    assert kept(ok(cache_control="must-understand, no-store, max-age=60")).lifetime == 60


def test_what_belongs_to_the_connection_is_not_stored() -> None:
    stored = kept(
        ok(
            connection="close, X-Hop, Content-Type",
            x_hop="1",
            keep_alive="5",
            te="x",
            upgrade="h2c",
            trailer="x",
            content_type="a/b",
            proxy_authenticate="x",
            age="0",
            **FRESH,
        )
    )
    assert stored.head.fields.names() == {b"cache-control", b"content-type", b"date", b"content-length"}


def test_a_date_is_added_where_it_is_missing() -> None:
    assert kept(ok(**FRESH)).head.fields.get(b"date") == DATE.encode()
    assert kept(ok(date="garbage", **FRESH)).head.fields.get(b"date") == b"garbage"


@pytest.mark.parametrize(
    ("declared", "length"), [("11", 10), ("9", 10), ("x", 10), (["10", "11"], 10), ("+10", 10)]
)
def test_content_that_is_not_as_long_as_it_should_be_is_not_stored(declared: Any, length: int) -> None:
    reason = refused(ok(content_length=declared, **FRESH), length=length)
    assert reason == "the content is shorter or longer than Content-Length"


def test_a_204_has_no_length() -> None:
    assert b"content-length" not in kept(ok(204, **FRESH), length=0).head.fields


class TestPost:
    HERE = get("/form", method="POST", content_length="3")

    def test_its_answer_is_stored_for_get_when_it_says_that_it_is_that_resource(self) -> None:
        kept(ok(cache_control="max-age=60", content_location="/form"), self.HERE)
        kept(
            ok(expires="Fri, 15 Jan 2027 09:00:00 GMT", content_location="https://EXAMPLE.org/form"),
            self.HERE,
        )

    @pytest.mark.parametrize(
        "head",
        [
            ok(**FRESH),
            ok(content_location="/other", **FRESH),
            ok(content_location="https://evil.example/form", **FRESH),
            ok(content_location="/form"),
            ok(404, content_location="/form", **FRESH),
            ok(content_location="http://[", **FRESH),
        ],
    )
    def test_else_it_is_not(self, head: Head) -> None:
        assert refused(head, self.HERE) == "POST"


def test_query_is_stored_with_its_content() -> None:
    request = Request("QUERY", "https", b"example.org", b"/", content=b"{}")
    assert isinstance(judged(ok(**FRESH), request), Stored)
