"""The public HTTP cache tests, run against the rules and against what is built on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conformance_cache import SmallCache
from conformance_gateway import Gateway, served
from conformance_suite import Graded, Origin, graded, package, passes, run, table

from afresh import Cache
from afresh.asgi import CacheMiddleware
from afresh.rfc import Settings

pytestmark = [pytest.mark.servers, pytest.mark.slow]

AS_RFC = Settings(cookies=True, set_cookie=True, stale_if_error=60)
"""What the RFCs allow, and the defaults don't: see docs/reference/http-conformance.md."""

NO_ORIGIN = "expects a count that only the origin can send, of a request to which it sends nothing"
IN_ORDER = "the order of languages of equal weight is taken for preference, as frameworks do"
MALFORMED_PART = "the part says it has six bytes and has five"
LOST = {
    "age-parse-prefix": "expects of `Age: 0,7200` what its own title denies, and `age-parse-dup-0` too",
    "stale-close-must-revalidate": NO_ORIGIN,
    "stale-close-proxy-revalidate": NO_ORIGIN,
    "stale-close-no-cache": NO_ORIGIN,
    "stale-close-s-maxage=2": NO_ORIGIN,
    "vary-normalise-lang-order": IN_ORDER,
    "vary-normalise-lang-select": "what else follows from the other languages isn't known",
    "conditional-lm-fresh-no-lm": "the response is newer than the date, RFC 9111 §4.3.2",
    "partial-store-partial-reuse-partial": MALFORMED_PART,
    "partial-store-partial-reuse-partial-byterange": MALFORMED_PART,
    "partial-store-partial-reuse-partial-absent": MALFORMED_PART,
    "partial-store-partial-reuse-partial-suffix": MALFORMED_PART,
    "partial-store-partial-complete": "parts without a strong validator may not be combined, RFC 9111 §3.4",
}
"""The tests that are not passed, required and optimal, with the reason. Nothing else may be lost."""

LOST_BY_DEFAULT = {
    "headers-store-Set-Cookie": "a response with Set-Cookie is not shared",
    "304-etag-update-response-Set-Cookie": "a response with Set-Cookie is not shared",
    "other-set-cookie": "a response with Set-Cookie is not shared",
    "other-cookie": "a request with Cookie gets what says that it is for everybody",
}
"""What the defaults lose besides, for the sake of applications that forget `private` and `Vary`."""

LOST_BY_MIDDLEWARE = {
    "method-POST": "a POST makes its URL stale, so its own answer is not kept",
}
"""What the middleware loses besides."""


class Tried(NamedTuple):
    """One cache: how it is put before a forwarding application, what it may lose, and its goal."""

    build: Callable[[Any, Cache], Any]
    lost: dict[str, str]
    optimal: float = 0.88


def as_rfc(app: Any, cache: Cache) -> Any:
    return CacheMiddleware(app, cache, cookies=True, set_cookie=True, stale_if_error=60)


def by_default(app: Any, cache: Cache) -> Any:
    return CacheMiddleware(app, cache, stale_if_error=60)


CACHES = {
    "ASGI middleware": Tried(as_rfc, LOST | LOST_BY_MIDDLEWARE),
    "ASGI middleware, default settings": Tried(by_default, LOST | LOST_BY_MIDDLEWARE | LOST_BY_DEFAULT, 0.87),
    "the rules alone": Tried(lambda app, cache: SmallCache(app, AS_RFC), LOST),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[Graded]]]:
    """All caches at once: a run is mostly pauses of three seconds."""
    package()
    folder: Path = tmp_path_factory.mktemp("origin")
    with ExitStack() as stack:
        origin = stack.enter_context(Origin(folder))
        bases = [
            stack.enter_context(
                served(tried.build(Gateway(origin.port), stack.enter_context(Cache("memory://"))))
            )
            for tried in CACHES.values()
        ]
        pool = stack.enter_context(ThreadPoolExecutor(len(bases)))
        yield dict(zip(CACHES, pool.map(run, bases), strict=True))


@pytest.mark.parametrize("cache", CACHES)
def test_a_cache_passes_the_public_tests(cache: str, results: dict[str, list[Graded]]) -> None:
    tests = results[cache]
    print(f"\n{cache}\n\n{table(tests)}")
    lost = {test.id: test.reason for test in tests if not test.passed and test.kind != "check"}
    expected = CACHES[cache].lost
    assert {name: why for name, why in lost.items() if name not in expected} == {}
    assert expected.keys() - lost.keys() == set(), "these are passed now: take them off the list"
    passed, of = passes(tests, "optimal")
    assert passed >= CACHES[cache].optimal * of


def test_a_test_that_needs_a_failed_one_has_not_passed() -> None:
    suite = {
        "name": "Group",
        "tests": [
            {"id": "one", "kind": "check", "needs": []},
            {"id": "two", "kind": "required", "needs": ["one"]},
            {"id": "three", "kind": "required", "needs": []},
        ],
    }
    tests = graded({"suites": [suite], "results": {"one": ["Assertion", "no"], "two": True, "three": True}})
    assert [test.reason for test in tests] == ["Assertion: no", "needs one", ""]
    assert passes(tests, "required") == (1, 2)
    assert "| Group | 1 / 2 |" in table(tests)
