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
from conformance_serve import Proxy
from conformance_suite import Graded, Origin, graded, package, passes, run, shares, table
from conformance_wsgi import forwarding, served_by_threads

from afresh import Cache, wsgi
from afresh.asgi import CacheMiddleware
from afresh.rfc import Settings
from sizes import size

pytestmark = [pytest.mark.servers, pytest.mark.slow]

AS_RFC = Settings(cookies=True, set_cookie=True, stale_if_error=60)
"""What the RFCs allow, and the defaults don't: see docs/reference/http-conformance.md."""

PAGE = (Path(__file__).parents[2] / "docs/reference/http-conformance.md").read_text()

NO_ORIGIN = "expects a count that only the origin can send, of a request to which it sends nothing"
IN_ORDER = "the order of languages of equal weight is taken for preference, as frameworks do"
MALFORMED_PART = "the part says it has six bytes and has five"
LOST = {
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
    "status-599-must-understand": "needs status-599-fresh",
} | {
    f"status-{status}-{what}": "an error is shared when it says that it is for everybody"
    for status in (400, 499, 500, 502, 503, 504, 599)
    for what in ("fresh", "stale")
}
"""What the defaults lose besides, for the sake of applications that forget `private` and `Vary`."""

FIRST = "RFC 9111 §5.1: the first `Age` counts, what is no number is ignored; later editions agree"
LOST_BY_AGE = dict.fromkeys(
    [
        "age-parse-nonnumeric",
        "age-parse-negative",
        "age-parse-float",
        "age-parse-prefix-twoline",
        "age-parse-dup-0",
        "age-parse-dup-0-twoline",
        "age-parse-dup-old",
        "age-parse-parameter",
        "age-parse-numeric-parameter",
    ],
    FIRST,
)
"""What this edition expects of a malformed `Age`, against the RFC that came after it."""

LOST_BY_STRICT_AGE = {
    "age-parse-prefix": "the one list whose first member this edition takes"
} | dict.fromkeys(
    [
        "later-age-word",
        "later-age-negative",
        "later-age-decimal",
        "later-age-first-of-a-list",
        "later-age-first-line",
        "later-age-twice",
    ],
    "with `strict_age`, a malformed `Age` makes a response stale",
)
"""What `strict_age` loses instead."""


class Tried(NamedTuple):
    """One cache: what puts it before an origin and gives its base URL, and what it may lose."""

    start: Callable[[ExitStack, int, Path], str]
    lost: dict[str, str]
    required: int
    optimal: int


def middleware(**options: Any) -> Callable[[ExitStack, int, Path], str]:
    """The middleware around an application that forwards."""

    def start(stack: ExitStack, origin: int, folder: Path) -> str:
        cache = stack.enter_context(Cache("memory://"))
        return stack.enter_context(
            served(CacheMiddleware(Gateway(origin), cache, stale_if_error=60, **options))
        )

    return start


def threads(**options: Any) -> Callable[[ExitStack, int, Path], str]:
    """The middleware around a WSGI application that forwards."""

    def start(stack: ExitStack, origin: int, folder: Path) -> str:
        cache = stack.enter_context(Cache("memory://"))
        app = wsgi.CacheMiddleware(forwarding(origin), cache, stale_if_error=60, **options)
        return stack.enter_context(served_by_threads(app))

    return start


def proxy(**options: Any) -> Callable[[ExitStack, int, Path], str]:
    """`afresh serve --upstream`."""

    def start(stack: ExitStack, origin: int, folder: Path) -> str:
        running = stack.enter_context(Proxy(folder / "proxy", origin, options | {"stale_if_error": 60}))
        return f"http://127.0.0.1:{running.port}"

    return start


def small(stack: ExitStack, origin: int, folder: Path) -> str:
    """The smallest cache that the rules make possible."""
    return stack.enter_context(served(SmallCache(Gateway(origin), AS_RFC)))


AS_RFC_ALLOWS = {"cookies": True, "set_cookie": True, "errors": True}
ALL = {
    "ASGI middleware": Tried(
        middleware(**AS_RFC_ALLOWS, strict_age=True), LOST | LOST_BY_STRICT_AGE, 152, 78
    ),
    "`afresh serve --upstream`": Tried(
        proxy(**AS_RFC_ALLOWS, strict_age=True), LOST | LOST_BY_STRICT_AGE, 152, 78
    ),
    "WSGI middleware": Tried(threads(**AS_RFC_ALLOWS, strict_age=True), LOST | LOST_BY_STRICT_AGE, 152, 78),
    "ASGI middleware, Age by RFC 9111": Tried(middleware(**AS_RFC_ALLOWS), LOST | LOST_BY_AGE, 144, 78),
    "ASGI middleware, default settings": Tried(middleware(), LOST | LOST_BY_AGE | LOST_BY_DEFAULT, 134, 69),
    "the rules alone, Age by RFC 9111": Tried(small, LOST | LOST_BY_AGE, 144, 78),
}
CACHES = {name: ALL[name] for name in size([*ALL][:2], [*ALL])}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[Graded]]]:
    """Two caches at once: a run is mostly pauses of three seconds."""
    package()
    folder: Path = tmp_path_factory.mktemp("conformance")
    with ExitStack() as stack:
        origin = stack.enter_context(Origin(folder / "origin"))
        bases = [tried.start(stack, origin.port, folder) for tried in CACHES.values()]
        pool = stack.enter_context(ThreadPoolExecutor(2))
        yield dict(zip(CACHES, pool.map(run, bases), strict=True))


@pytest.mark.parametrize("cache", CACHES)
def test_a_cache_passes_the_public_tests(cache: str, results: dict[str, list[Graded]]) -> None:
    tests = results[cache]
    print(f"\n{cache}\n\n{table(tests)}")
    lost = {test.id: test.reason for test in tests if not test.passed and test.kind != "check"}
    expected = CACHES[cache].lost
    assert {name: why for name, why in lost.items() if name not in expected} == {}
    assert expected.keys() - lost.keys() == set(), "these are passed now: take them off the list"
    assert passes(tests, "required") == (CACHES[cache].required, 157)
    assert passes(tests, "optimal") == (CACHES[cache].optimal, 86)
    assert f"| {cache} | {shares(tests)} |" in PAGE
    assert cache not in [*ALL][:3] or table(tests) in PAGE


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
    assert "| Group | 1 / 2 |  |  |" in table(tests)
