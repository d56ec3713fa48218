"""What may be chosen about a middleware, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from afresh.core.durations import Duration, seconds
from afresh.engine.mode import ON, Mode
from afresh.errors import ConfigurationError
from afresh.rfc import Settings


class Given(TypedDict, total=False):
    """What `CacheMiddleware` takes by keyword: see `Options`."""

    max_body: int
    variants: int
    hit_for_miss: Duration
    keep: Duration
    etag: bool
    status: bool
    errors: bool
    hosts: Iterable[str] | None
    ignored_parameters: Iterable[str]
    cookies: bool
    set_cookie: bool
    strict_age: bool
    stale_while_revalidate: Duration
    stale_if_error: Duration
    rules: Any
    holes: Mapping[str, Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of a middleware.

    Attributes:
        max_body: Bytes; what is longer is passed on, and not stored.
        variants: Answers that are kept of one URL; the least used goes.
        hit_for_miss: For so long nobody waits for an answer that nobody could share.
        keep: For so long what is no longer fresh is kept, to be validated.
        etag: Stored answers without a validator get an `ETag`, a digest of their content.
        status: Say in `Cache-Status` (RFC 9211) what the cache did.
        errors: Store errors such as 400 and 500 by `max-age` alone, as RFC 9111 would. One visitor's
            broken request would be another's page; without it they need `public` or `s-maxage`.
        hosts: The hosts that are cached for, `*.example.org` among them; `None`: any. A request for
            another is the application's.
        holes: What fills the holes of pages, by name (`holes`).
        rules: The choices of the RFCs.
        drop_cookies: See `rules.Rule`, as for
        writes: a view that writes may be stored, since a rule says so, and
        mode: whether hits are served.
    """

    max_body: int = 4 * 2**20
    variants: int = 500
    hit_for_miss: float = 10.0
    keep: float = 3600.0
    etag: bool = True
    status: bool = True
    errors: bool = False
    hosts: tuple[bytes, ...] | None = None
    holes: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    rules: Settings = field(default_factory=Settings)
    drop_cookies: frozenset[bytes] = frozenset()
    writes: bool = False
    mode: Mode = ON

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Options:
        """Check what was given, beside `rules`.

        Raises:
            ConfigurationError: Something is unknown or makes no sense.
        """
        own: dict[str, Any] = {}
        rules: dict[str, Any] = {}
        for name, value in given.items():
            if name == "rules":
                continue
            if name not in Given.__annotations__:
                known = ", ".join(sorted(Given.__annotations__))
                raise ConfigurationError(f"{name!r} is not a setting of the middleware: there are {known}.")
            checked = _CHECKS[name](name, value)
            (rules if name in _OF_RULES else own)[name] = checked
        return cls(**own, rules=replace(Settings(), **rules))


def _positive(name: str, value: object) -> int:
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{name}={value!r}: give a number from 1.")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name}={value!r}: write True or False.")
    return value


def _duration(name: str, value: Any) -> float:
    return seconds(value, name)


def _names(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ConfigurationError(f"{name}={value!r}: give a list of strings.")
    found = tuple(value)
    if not all(isinstance(each, str) for each in found):
        raise ConfigurationError(f"{name}={value!r}: give a list of strings.")
    return found


def _hosts(name: str, value: Any) -> tuple[bytes, ...] | None:
    return None if value is None else tuple(each.lower().encode() for each in _names(name, value))


def _fillers(name: str, value: Any) -> dict[str, Callable[[Any], Any]]:
    if not isinstance(value, Mapping) or not all(map(callable, value.values())):
        raise ConfigurationError(f'{name}={value!r}: give functions by name, holes={{"csrf": token_of}}.')
    return dict(value)


_OF_RULES = {
    "ignored_parameters",
    "cookies",
    "set_cookie",
    "strict_age",
    "stale_while_revalidate",
    "stale_if_error",
}
_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "max_body": _positive,
    "variants": _positive,
    "hit_for_miss": _duration,
    "keep": _duration,
    "etag": _flag,
    "status": _flag,
    "errors": _flag,
    "holes": _fillers,
    "hosts": _hosts,
    "ignored_parameters": _names,
    "cookies": _flag,
    "set_cookie": _flag,
    "strict_age": _flag,
    "stale_while_revalidate": _duration,
    "stale_if_error": _duration,
}
