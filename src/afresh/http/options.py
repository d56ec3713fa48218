"""What may be chosen about a middleware, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from afresh.core.durations import Duration, seconds
from afresh.engine.mode import ON, Mode
from afresh.errors import ConfigurationError
from afresh.http.loading import loaded
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
    always: Iterable[Callable[[Any], Any]]
    set_again: Mapping[str, Callable[[Any], Any]]
    replay: Mapping[str, Callable[[Any], Any]]


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
        always: Run for each hit (`hits.Hit`): they may add fields, or refuse it.
        set_again: Cookies that aren't stored, by name, with what makes them for each hit.
        replay: What does again what views write, by name (`effects`).
        rules: The choices of the RFCs.
        drop_cookies: See `rules.Rule`, as for
        writes: a view that writes may be stored, since a rule says so;
        effects: what is done again for each hit, by the names in `replay`;
        noted: what writes is only stored if it says itself what is to be done again;
        clear_site_data: what browsers are told to forget, and
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
    always: tuple[Callable[[Any], Any], ...] = ()
    set_again: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    replay: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    rules: Settings = field(default_factory=Settings)
    drop_cookies: frozenset[bytes] = frozenset()
    writes: bool = False
    effects: tuple[str, ...] = ()
    noted: bool = False
    clear_site_data: tuple[str, ...] = ()
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
        own["drop_cookies"] = frozenset(name.encode() for name in own.get("set_again", ()))
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
    if value is None:
        return None
    found = tuple(each.lower() for each in _names(name, value))
    for each in found:
        if not each or "/" in each or re.search(r":\d*$", each.partition("]")[2] if "[" in each else each):
            raise ConfigurationError(
                f"{name}: {each!r}: give the name of a host, without scheme, port and path."
            )
    return tuple(each.encode() for each in found)


def functions(name: str, value: Any) -> dict[str, Callable[[Any], Any]]:
    """Functions by name; a text is `module:attribute`."""
    written = f'{name}={value!r}: give functions by name, {name}={{{_EXAMPLES[name]}}}, or "module:function".'
    if not isinstance(value, Mapping) or not all(isinstance(key, str) and key for key in value):
        raise ConfigurationError(written)
    if not all(callable(each) or (isinstance(each, str) and ":" in each) for each in value.values()):
        raise ConfigurationError(written)
    return {key: function(name, each) for key, each in value.items()}


def function(name: str, value: Any) -> Callable[[Any], Any]:
    """A function, or what `module:attribute` names."""
    found = loaded(value) if isinstance(value, str) and ":" in value else value
    if not callable(found):
        raise ConfigurationError(f'{name}={value!r}: give a function, or "module:function".')
    return found  # type: ignore[no-any-return]


def _functions_in_order(name: str, value: Any) -> tuple[Callable[[Any], Any], ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ConfigurationError(f'{name}={value!r}: give a list of functions, or of "module:function".')
    return tuple(function(name, each) for each in value)


_EXAMPLES = {
    "holes": '"csrf": token_of',
    "set_again": '"history": history_of',
    "replay": '"count": count_views',
}


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
    "holes": functions,
    "always": _functions_in_order,
    "set_again": functions,
    "replay": functions,
    "hosts": _hosts,
    "ignored_parameters": _names,
    "cookies": _flag,
    "set_cookie": _flag,
    "strict_age": _flag,
    "stale_while_revalidate": _duration,
    "stale_if_error": _duration,
}
