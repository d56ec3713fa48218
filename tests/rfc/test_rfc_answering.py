"""How a request is answered (RFC 9111 §4)."""

from __future__ import annotations

from typing import Any

import pytest
from rfc_messages import NOW, get, kept, ok, refused

from afresh.rfc import Forward, Head, Refuse, Request, Serve, Settings, Stored, Validate, Why, answer, failing

PAGE = ok(cache_control="max-age=60", etag='"a"', last_modified="Sun, 06 Nov 1994 08:49:37 GMT")


def after(seconds: float, head: Head = PAGE, request: Request | None = None, **options: Any) -> Any:
    """The answer to a request so long after the response came."""
    return answer(request or get(), [kept(head)], now=NOW + seconds, **options)


def test_a_fresh_response_is_served_with_its_age() -> None:
    found = after(59.5)
    assert isinstance(found, Serve)
    assert (found.head.status, found.start, found.stop) == (200, 0, 10)
    assert (found.refresh, found.stale) == (False, False)
    assert found.head.fields.get(b"age") == b"59"
    assert found.head.fields.get(b"etag") == b'"a"'


def test_a_stale_one_is_validated_with_what_identifies_it() -> None:
    request = get(if_none_match='"old"', range="bytes=0-1", if_range='"old"', accept="x")
    found = after(60, request=request)
    assert isinstance(found, Validate)
    assert found.why is Why.STALE
    assert found.fields.names() == {b"accept", b"if-none-match", b"if-modified-since"}
    assert found.fields.get_all(b"if-none-match") == (b'"a"',)


def test_without_a_validator_the_origin_is_asked_anew() -> None:
    found = after(60, ok(cache_control="max-age=60"), get(if_none_match='"x"'))
    assert isinstance(found, Forward)
    assert (found.why, found.detail) == (Why.STALE, "no validator")
    assert isinstance(found.stored, Stored)
    assert b"if-none-match" in found.fields


def test_nothing_stored() -> None:
    assert answer(get(), [], now=NOW) == Forward(Why.URI_MISS, "", get().fields)
    other = kept(ok(cache_control="max-age=60", vary="foo"), get(foo="1"))
    assert answer(get(), [other], now=NOW) == Forward(Why.VARY_MISS, "", get().fields)


def test_the_newest_of_several_is_served() -> None:
    old = kept(ok(cache_control="max-age=60", date="Fri, 15 Jan 2027 07:59:58 GMT"), at=NOW)
    new = kept(ok(cache_control="max-age=60", date="Fri, 15 Jan 2027 07:59:59 GMT"), at=NOW - 1)
    for order in ([old, new], [new, old]):
        found = answer(get(), order, now=NOW)
        assert isinstance(found, Serve)
        assert found.stored is new


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "BREW"])
def test_other_methods_go_to_the_origin(method: str) -> None:
    found = after(0, request=get(method=method))
    assert isinstance(found, Forward)
    assert found.why is Why.METHOD


@pytest.mark.parametrize(
    "request_",
    [
        get(if_match='"a"'),
        get(if_unmodified_since="Sun, 06 Nov 1994 08:49:37 GMT"),
        get(x_http_method_override="DELETE"),
        get(content_length="5"),
        get(transfer_encoding="chunked"),
        get(cache_control="no-store"),
        Request("QUERY", "https", b"example.org", b"/", content=None, fields=get(content_length="9").fields),
    ],
)
def test_what_passes_by_the_cache(request_: Request) -> None:
    found = after(0, request=request_)
    assert isinstance(found, Forward)
    assert (found.why, found.store, found.fields) == (Why.BYPASS, False, request_.fields)


class TestCredentials:
    @pytest.mark.parametrize("given", [{"cookie": "a=b"}, {"authorization": "x"}])
    def test_what_an_anonymous_visitor_got_is_not_for_others(self, given: dict[str, str]) -> None:
        found = after(0, request=get(**given))
        assert isinstance(found, Forward)
        assert (found.why, found.store) == (Why.BYPASS, True)

    @pytest.mark.parametrize("given", [{"cookie": "a=b"}, {"authorization": "x"}])
    @pytest.mark.parametrize(
        "head",
        [
            ok(cache_control="public, max-age=60"),
            ok(cache_control="s-maxage=60"),
            ok(cdn_cache_control="max-age=60"),
        ],
    )
    def test_unless_it_says_that_it_is_for_everybody(self, head: Head, given: dict[str, str]) -> None:
        assert isinstance(after(0, head, get(**given)), Serve)

    def test_or_the_settings_do(self) -> None:
        assert isinstance(after(0, request=get(cookie="a=b"), settings=Settings(cookies=True)), Serve)
        assert isinstance(
            after(0, request=get(authorization="x"), settings=Settings(authorization=True)), Serve
        )

    def test_each_visitor_has_a_variant_when_it_varies(self) -> None:
        head = ok(cache_control="max-age=60", vary="Cookie")
        own = kept(head, get(cookie="a=1"))
        assert isinstance(answer(get(cookie="a=1"), [own], now=NOW), Serve)
        assert isinstance(answer(get(cookie="a=2"), [own], now=NOW), Forward)
        assert isinstance(answer(get(), [own], now=NOW), Forward)


class TestDirectivesOfRequests:
    @pytest.mark.parametrize(
        ("asked", "seconds"),
        [
            ("no-cache", 0),
            ("max-age=0", 0),
            ("max-age=5", 6),
            ("max-age=x", 1),
            ("min-fresh=50", 11),
        ],
    )
    def test_the_client_wants_it_newer(self, asked: str, seconds: float) -> None:
        found = after(seconds, request=get(cache_control=asked))
        assert isinstance(found, Validate)
        assert found.why is Why.REQUEST

    @pytest.mark.parametrize(
        ("asked", "seconds"), [("max-age=5", 5), ("min-fresh=50", 10), ("max-stale=9", 1), ("foo", 1)]
    )
    def test_or_is_content(self, asked: str, seconds: float) -> None:
        assert isinstance(after(seconds, request=get(cache_control=asked)), Serve)

    def test_pragma_counts_without_cache_control(self) -> None:
        assert isinstance(after(0, request=get(pragma="no-cache")), Validate)
        assert isinstance(after(0, request=get(pragma="no-cache", cache_control="max-age=9")), Serve)
        assert isinstance(after(0, request=get(pragma="foo")), Serve)

    @pytest.mark.parametrize(
        ("asked", "served"),
        [("max-stale", True), ("max-stale=10", True), ("max-stale=9", False), ("max-stale=x", False)],
    )
    def test_max_stale(self, asked: str, served: bool) -> None:
        found = after(70, request=get(cache_control=asked))
        assert isinstance(found, Serve) is served
        assert not served or found.stale

    def test_max_stale_does_not_overrule_the_origin(self) -> None:
        head = ok(cache_control="max-age=60, must-revalidate", etag='"a"')
        assert isinstance(after(61, head, get(cache_control="max-stale")), Validate)

    def test_only_if_cached(self) -> None:
        request = get(cache_control="only-if-cached")
        assert isinstance(after(0, request=request), Serve)
        for found in (after(61, request=request), answer(request, [], now=NOW)):
            assert isinstance(found, Refuse)
            assert found.head.status == 504
        closed = get(cache_control="only-if-cached", cookie="a=b")
        assert isinstance(after(0, request=closed), Refuse)

    def test_they_may_be_ignored(self) -> None:
        settings = Settings(obey_requests=False)
        assert isinstance(after(0, request=get(cache_control="no-cache"), settings=settings), Serve)
        assert isinstance(after(0, request=get(cache_control="no-store"), settings=settings), Forward)

    def test_immutable_is_reloaded_without_asking(self) -> None:
        head = ok(cache_control="max-age=60, immutable", etag='"a"')
        assert isinstance(after(5, head, get(cache_control="max-age=0")), Serve)
        assert isinstance(after(5, head, get(cache_control="no-cache")), Validate)
        assert isinstance(after(61, head, get(cache_control="max-age=0")), Validate)


class TestStale:
    def test_while_it_is_refreshed(self) -> None:
        head = ok(cache_control="max-age=60, stale-while-revalidate=30", etag='"a"')
        found = after(89, head)
        assert isinstance(found, Serve)
        assert (found.refresh, found.stale) == (True, True)
        assert isinstance(after(90, head), Validate)
        assert isinstance(after(70, head, get(cache_control="max-age=0")), Validate)

    def test_a_query_is_not_refreshed_behind_the_client(self) -> None:
        head = ok(cache_control="max-age=60, stale-while-revalidate=30, stale-if-error=30")
        request = Request("QUERY", "https", b"example.org", b"/", content=b"{}")
        stored = kept(head, request)
        assert isinstance(answer(request, [stored], now=NOW + 59), Serve)
        assert isinstance(answer(request, [stored], now=NOW + 61), Forward)
        assert failing(request, stored, now=NOW + 61) is not None

    @pytest.mark.parametrize("strict", ["must-revalidate", "proxy-revalidate", "no-cache"])
    def test_not_when_the_origin_forbids_it(self, strict: str) -> None:
        head = ok(
            cache_control=f"max-age=60, stale-while-revalidate=30, stale-if-error=30, {strict}", etag='"a"'
        )
        assert isinstance(after(70, head), Validate)
        assert failing(get(), kept(head), now=NOW + 70) is None
        wish = get(cache_control="stale-if-error=99")
        assert failing(wish, kept(head), now=NOW + 70) is None

    def test_s_maxage_forbids_it_unless_the_origin_allows_it_in_the_same_breath(self) -> None:
        settings = Settings(stale_while_revalidate=30, stale_if_error=30)
        plain = kept(ok(cache_control="s-maxage=60", etag='"a"'), settings=settings)
        assert isinstance(answer(get(cache_control="max-stale"), [plain], now=NOW + 61), Validate)
        assert failing(get(cache_control="stale-if-error=99"), plain, now=NOW + 61) is None
        both = kept(ok(cache_control="s-maxage=60, stale-while-revalidate=9, stale-if-error=9"))
        found = answer(get(), [both], now=NOW + 68)
        assert isinstance(found, Serve)
        assert found.refresh
        assert failing(get(), both, now=NOW + 68) is not None
        assert isinstance(answer(get(cache_control="max-stale"), [both], now=NOW + 70), Forward)

    def test_when_the_origin_fails(self) -> None:
        stored = kept(ok(cache_control="max-age=60, stale-if-error=30", etag='"a"'))
        for status in (None, 500, 502, 503, 504):
            found = failing(get(), stored, now=NOW + 89, status=status)
            assert isinstance(found, Serve)
            assert found.stale
        assert failing(get(), stored, now=NOW + 90) is None
        for status in (200, 404, 501):
            assert failing(get(), stored, now=NOW + 70, status=status) is None

    def test_when_the_client_allows_it(self) -> None:
        stored = kept(PAGE)
        assert failing(get(), stored, now=NOW + 70) is None
        assert failing(get(cache_control="stale-if-error=30"), stored, now=NOW + 70) is not None
        assert failing(get(cache_control="stale-if-error=5"), stored, now=NOW + 70) is None

    def test_the_settings_have_a_default(self) -> None:
        settings = Settings(stale_while_revalidate=10, stale_if_error=20)
        stored = kept(PAGE, settings=settings)
        assert (stored.stale_until, stored.error_until) == (NOW + 70, NOW + 80)
        own = kept(ok(cache_control="max-age=60, stale-if-error=0", etag='"a"'), settings=settings)
        assert own.error_until == NOW + 60

    def test_what_is_never_fresh_is_not_stale_by_default_either(self) -> None:
        settings = Settings(stale_while_revalidate=10, stale_if_error=20)
        never = kept(ok(cache_control="max-age=0", etag='"a"'), settings=settings)
        assert (never.stale_until, never.error_until) == (NOW, NOW)
        assert refused(ok(cache_control="max-age=0"), settings=settings)


def test_no_cache_is_not_served_in_place_of_a_failure_though_it_is_fresh() -> None:
    stored = kept(ok(cache_control="no-cache, max-age=60, stale-if-error=60", etag='"a"'))
    assert failing(get(), stored, now=NOW + 1) is None
    assert failing(get(), kept(PAGE), now=NOW + 1) is not None


def test_no_cache_is_always_validated() -> None:
    assert isinstance(after(0, ok(cache_control="no-cache, max-age=60", etag='"a"')), Validate)
