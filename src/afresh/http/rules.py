"""What the user says about paths, in `afresh.toml`: the first rule that fits a path counts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from afresh.core.durations import seconds
from afresh.engine.mode import ON, Mode
from afresh.errors import ConfigurationError
from afresh.http.loading import loaded
from afresh.http.options import Options, function, functions

_DURATIONS = ("ttl", "stale_while_revalidate", "stale_if_error")
_LISTS = ("path", "ignore", "drop_cookies", "replay", "clear_site_data")
_SITE_DATA = (
    "cache",
    "clientHints",
    "cookies",
    "executionContexts",
    "prefetchCache",
    "prerenderCache",
    "storage",
    "*",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One `[[http.rule]]`.

    Attributes:
        path: Patterns of paths: `/product/*`; `*` stands for anything, slashes too.
        ttl: Seconds for which answers are stored that say nothing of caching. What says `private` or
            `no-store`, sets a cookie or needs a password is not stored by a rule.
        stale_while_revalidate: Seconds, for answers that don't say it.
        stale_if_error: Seconds, for answers that don't say it.
        ignore: Parameters of the query that change nothing: `utm_*`.
        drop_cookies: Cookies that only who is answered by the application gets: hits don't set them.
        side_effects: The view writes when it is asked (it counts its views). `skip`: hits don't.
            `replay`: hits have it done again, in batches (`effects`).
        replay: By which functions: their names in the middleware's `replay`, or `module:function`.
            Without any, only what the view says itself (`effects.effect`) is done again, and where it
            says nothing the answer isn't stored.
        set_again: Cookies that aren't stored, with what makes them for each hit: `module:function`.
        clear_site_data: Here visitors sign out: answers that are no errors tell the browser to forget
            these (`cache`, `storage` …), and are not stored.
        mode: `on`, `off`, `shadow`, or one with a share of the requests.
    """

    path: tuple[str, ...]
    ttl: float = 0.0
    stale_while_revalidate: float | None = None
    stale_if_error: float | None = None
    ignore: tuple[str, ...] = ()
    drop_cookies: tuple[str, ...] = ()
    side_effects: str = ""
    replay: tuple[str, ...] = ()
    set_again: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    clear_site_data: tuple[str, ...] = ()
    mode: Mode = ON

    @classmethod
    def of(cls, written: object) -> Rule:
        """Check a rule as a file has it.

        Raises:
            ConfigurationError: It has a setting that isn't one, or no path.
        """
        known = [each.name for each in fields(cls)]
        if not isinstance(written, Mapping) or not written.get("path"):
            raise ConfigurationError(f'rule {written!r}: say for which paths, path = "/product/*".')
        for name in written:
            if name not in known:
                raise ConfigurationError(
                    f"{name!r} is not a setting of a rule: there are {', '.join(known)}."
                )
        made = {name: _checked(name, value) for name, value in written.items()}
        if made.get("side_effects", "skip") not in {"skip", "replay"}:
            raise ConfigurationError(
                f'side_effects={written["side_effects"]!r}: write "skip" or "replay", or leave it out.'
            )
        if made.get("replay") and made.get("side_effects") != "replay":
            raise ConfigurationError(f'replay={written["replay"]!r}: write side_effects = "replay" with it.')
        return cls(**made)

    def fits(self, path: str) -> bool:
        """Whether it is about a path."""
        return any(fnmatchcase(path, each) for each in self.path)

    def options(self, base: Options) -> Options:
        """The settings of the requests that it is about."""
        changed: dict[str, Any] = {}
        if self.ttl:
            changed["default_lifetime"] = self.ttl
        for name in ("stale_while_revalidate", "stale_if_error"):
            if getattr(self, name) is not None:
                changed[name] = getattr(self, name)
        changed["ignored_parameters"] = (*base.rules.ignored_parameters, *self.ignore)
        set_again = {**base.set_again, **self.set_again}
        return replace(
            base,
            rules=replace(base.rules, **changed),
            set_again=set_again,
            drop_cookies=frozenset(name.encode() for name in (*self.drop_cookies, *set_again)),
            writes=bool(self.side_effects),
            effects=self.replay,
            clear_site_data=self.clear_site_data,
            noted=self.side_effects == "replay" and not self.replay,
            mode=self.mode,
        )


def _checked(name: str, value: Any) -> Any:
    if name in _DURATIONS:
        return seconds(value, name)
    if name in _LISTS:
        listed = (value,) if isinstance(value, str) else value
        if not isinstance(listed, (list, tuple)) or not all(isinstance(each, str) for each in listed):
            raise ConfigurationError(f"{name}={value!r}: give a string, or a list of strings.")
        if name == "clear_site_data" and not set(listed) <= set(_SITE_DATA):
            raise ConfigurationError(f"{name}={value!r}: there are {', '.join(_SITE_DATA)}.")
        return tuple(listed)
    if name == "set_again":
        return functions(name, value)
    return Mode.of(value) if name == "mode" else value


class Rules:
    """The settings for each path.

    Args:
        base: Of the paths that no rule is about.
        rules: The rules, the first that fits counts.
    """

    def __init__(self, base: Options, rules: Iterable[Rule] = ()) -> None:
        rules = list(rules)
        self.base = base = replace(base, replay=_known(base.replay, rules))
        self._rules = [(rule, rule.options(base)) for rule in rules]

    def of(self, path: bytes) -> Options:
        """The settings for a raw path."""
        if self._rules:
            text = unquote(path.decode("latin-1"))
            for rule, options in self._rules:
                if rule.fits(text):
                    return options
        return self.base

    def on(self, base: Options) -> Rules:
        """The same rules over other settings."""
        return Rules(base, [rule for rule, _ in self._rules])


def _known(
    given: Mapping[str, Callable[[Any], Any]], rules: Iterable[Rule]
) -> dict[str, Callable[[Any], Any]]:
    """What does again what views write: the functions that were given, and those that rules name."""
    found = dict(given)
    for name in dict.fromkeys(name for rule in rules for name in rule.replay):
        if ":" in name:
            found[name] = function("replay", loaded(name))
        elif name not in found:
            known = ", ".join(sorted(given)) or "none"
            raise ConfigurationError(
                f"replay={name!r}: the middleware has no function of that name (it has: {known}). Give it, "
                f'CacheMiddleware(…, replay={{{name!r}: function}}), or write "module:function".'
            )
    return found


def rules_of(given: Any) -> list[Rule]:
    """Rules as a middleware takes them: the path of a file, or a list.

    Raises:
        ConfigurationError: The file can't be read, or a rule makes no sense.
    """
    if isinstance(given, (str, os.PathLike)):
        given = _in_file(Path(given))
    if not isinstance(given, Iterable):
        raise ConfigurationError(f'rules={given!r}: give a file, rules="afresh.toml", or a list of rules.')
    return [each if isinstance(each, Rule) else Rule.of(each) for each in given]


def _in_file(path: Path) -> Any:
    import tomllib

    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{str(path)!r} can't be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{str(path)!r} is not TOML: {error}") from None
    found = table.get("http", {})
    found = found.get("rule", []) if isinstance(found, dict) else found
    if not isinstance(found, list):
        raise ConfigurationError(f"{str(path)!r}: write rules as [[http.rule]], with two brackets.")
    return found
