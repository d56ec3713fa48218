"""Requests and responses in a line each, for the tests of the rules."""

from __future__ import annotations

from typing import Any

from afresh.rfc import Fields, Head, Refusal, Request, Settings, Stored, finished, storable

NOW = 1_800_000_000.0
DATE = "Fri, 15 Jan 2027 08:00:00 GMT"
"""`NOW` as a date of HTTP."""

HEURISTIC_OFF = Settings(heuristic_fraction=0)


def fields(given: dict[str, Any]) -> Fields:
    """`max_age="1"` is a field; a list is one that comes in several lines."""
    lines = [
        (name, line)
        for name, value in given.items()
        for line in ([value] if isinstance(value, str) else value)
    ]
    return Fields.of((name.replace("_", "-").encode(), line.encode("latin-1")) for name, line in lines)


def get(
    path: str = "/", *, method: str = "GET", query: str = "", host: str = "example.org", **given: Any
) -> Request:
    return Request(method, "https", host.encode(), path.encode(), query.encode(), fields(given))


def ok(status: int = 200, **given: Any) -> Head:
    return Head(status, fields(given))


def judged(
    head: Head,
    request: Request | None = None,
    *,
    settings: Settings | None = None,
    length: int = 10,
    at: float = NOW,
) -> Stored | Refusal:
    """What is stored of a response that came at `at`."""
    found = storable(request or get(), head, requested_at=at, received_at=at, settings=settings or Settings())
    return finished(found, length) if isinstance(found, Stored) else found


def kept(head: Head, request: Request | None = None, **options: Any) -> Stored:
    """The same, where it must be stored."""
    found = judged(head, request, **options)
    assert isinstance(found, Stored), found
    return found


def refused(head: Head, request: Request | None = None, **options: Any) -> str:
    """Why it is not stored."""
    found = judged(head, request, **options)
    assert isinstance(found, Refusal), found
    assert found.section.startswith("RFC ")
    return found.reason
