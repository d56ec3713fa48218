"""What a 304 and a HEAD do to a stored response (RFC 9111 §3.2, §4.3.4, §4.3.5)."""

from __future__ import annotations

from typing import Any

import pytest
from rfc_messages import NOW, get, kept, ok

from afresh.rfc import Freshened, Head, Request, Settings, Stored, headed, storable, validated
from afresh.rfc.validating import NEVER_UPDATED

OLD = ok(
    cache_control="max-age=60",
    etag='"a"',
    x_own="old",
    content_type="text/plain",
    content_encoding="br",
    date="Fri, 15 Jan 2027 08:00:00 GMT",
)


def confirmed(head: Head, stored: Stored | None = None, request: Request | None = None) -> Freshened:
    found = validated(
        request or get(),
        stored or kept(OLD),
        head,
        requested_at=NOW + 100,
        received_at=NOW + 101,
        settings=Settings(),
    )
    assert found is not None
    return found


def test_it_is_fresh_again() -> None:
    found = confirmed(ok(304)).stored
    assert (found.length, found.initial_age, found.fresh_until) == (10, 1, NOW + 160)
    assert found.head.status == 200
    assert found.head.fields.get(b"date") == b"Fri, 15 Jan 2027 08:01:41 GMT"
    assert found.head.fields.get(b"x-own") == b"old"


def test_its_fields_are_replaced_by_those_that_came() -> None:
    found = confirmed(
        ok(304, cache_control="max-age=5", x_own=["1", "2"], x_new="n", content_type="text/html")
    ).stored
    assert found.lifetime == 5
    assert found.head.fields.get_all(b"x-own") == (b"1", b"2")
    assert found.head.fields.get_all(b"cache-control") == (b"max-age=5",)
    assert (found.head.fields.get(b"x-new"), found.head.fields.get(b"content-type")) == (b"n", b"text/html")


@pytest.mark.parametrize("name", sorted(NEVER_UPDATED))
def test_what_describes_the_content_is_not_replaced(name: bytes) -> None:
    found = confirmed(ok(304, **{name.decode().replace("-", "_"): '"other"'})).stored
    assert found.head.fields.get(name) == kept(OLD).head.fields.get(name)


def test_nor_does_the_connection_leave_anything() -> None:
    found = confirmed(ok(304, connection="x-hop", x_hop="1", keep_alive="9")).stored
    assert found.head.fields.names().isdisjoint([b"connection", b"x-hop", b"keep-alive"])


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"cache_control": "no-store"}, "no-store"),
        ({"vary": "*"}, "Vary: *, or one that can't be read"),
        ({"set_cookie": "a=b"}, "Set-Cookie"),
    ],
)
def test_what_may_no_longer_be_kept_still_answers(given: dict[str, Any], reason: str) -> None:
    found = confirmed(ok(304, **given))
    assert found.refusal is not None
    assert found.refusal.reason == reason
    assert found.stored.length == 10


def test_a_new_vary_selects_by_the_request_that_it_came_for() -> None:
    found = confirmed(ok(304, vary="foo"), request=get(foo="1")).stored
    assert (found.vary, found.selected) == ((b"foo",), (b"1",))


def test_head_may_validate_what_get_got() -> None:
    assert confirmed(ok(304), request=get(method="HEAD")).refusal is None


@pytest.mark.parametrize("status", [200, 404, 500])
def test_anything_else_confirms_nothing(status: int) -> None:
    assert validated(get(), kept(OLD), ok(status), requested_at=NOW, received_at=NOW) is None


def headed_by(head: Head) -> Freshened | None:
    return headed(get(method="HEAD"), kept(OLD), head, requested_at=NOW + 100, received_at=NOW + 100)


def test_a_head_that_agrees_updates() -> None:
    found = headed_by(ok(cache_control="max-age=9", etag='"a"', content_length="10", x_own="new"))
    assert found is not None
    assert found.refusal is None
    assert (found.stored.lifetime, found.stored.length) == (9, 10)
    assert found.stored.head.fields.get(b"x-own") == b"new"


@pytest.mark.parametrize(
    "head", [ok(etag='"b"'), ok(content_length="11"), ok(last_modified="x"), ok(404), ok(304)]
)
def test_a_head_that_differs_says_that_it_has_changed(head: Head) -> None:
    assert headed_by(head) is None


def test_many_validations_change_nothing_that_was_not_sent() -> None:
    stored = kept(OLD)
    for _ in range(3):
        stored = confirmed(ok(304), stored).stored
    assert stored.head.fields.names() == kept(OLD).head.fields.names()
    assert len(stored.head.fields) == len(kept(OLD).head.fields)


def test_freshening_and_storing_agree() -> None:
    new = storable(get(), OLD, requested_at=NOW + 100, received_at=NOW + 101, settings=Settings())
    assert isinstance(new, Stored)
    assert confirmed(ok(304, date="Fri, 15 Jan 2027 08:00:00 GMT")).stored.initial_age == new.initial_age
