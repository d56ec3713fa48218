"""What an application's configuration says: `AFRESH_*`, as `Cache` and `Pages` take it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from afresh.errors import ConfigurationError
from afresh.http.options import Given

PREFIX: Final = "AFRESH_"
RULES: Final = "afresh.toml"

_OF_THE_CACHE = (
    "url", "fallback", "namespace", "l1", "consistency", "mode", "max_loads", "max_stale", "capture", "pools",
    "codec", "compression", "encryption", "secret",
)  # fmt: skip
_NOT_HERE = {
    "cookies": "what views read of cookies is seen, and the rest makes no difference",
    "set_cookie": "the session of one visitor would be everybody's. AFRESH_SET_AGAIN makes a cookie for each hit",
}
_OF_PAGES = ("auto", "unkeyed", *(name for name in Given.__annotations__ if name not in _NOT_HERE))
_OWN = ("pages", "policy", "sessions", "databases")


class FlaskSettings(NamedTuple):
    """The settings of one application.

    Attributes:
        cache: For `Cache`.
        pages: For `Pages`; `None` where whole pages are not cached.
        sessions: Where sessions live, as `Sessions` takes it, or `True` for beside the cache; `None` where they
            are not ours.
        databases: Whether engines of Flask-SQLAlchemy are watched.
    """

    cache: dict[str, Any]
    pages: dict[str, Any] | None
    sessions: Any
    databases: bool

    @classmethod
    def of(cls, config: Mapping[str, Any], root: Path) -> FlaskSettings:
        """Read the configuration of an application.

        Args:
            config: `app.config`.
            root: `app.root_path`: rules are looked for there.

        Raises:
            ConfigurationError: Something is unknown or makes no sense.
        """
        given = {name[len(PREFIX) :].lower(): config[name] for name in config if name.startswith(PREFIX)}
        for name in given:
            _check(name)
        policy = given.get("policy", {})
        if not isinstance(policy, Mapping):
            raise ConfigurationError(f'AFRESH_POLICY={policy!r}: give a dictionary, {{"ttl": "5m"}}.')
        cache = {**policy, **{name: given[name] for name in _OF_THE_CACHE if name in given}}
        pages = {name: given[name] for name in _OF_PAGES if name in given}
        if "rules" not in pages and (root / RULES).is_file():
            pages["rules"] = root / RULES
        return cls(
            cache,
            pages if _flag(given, "pages", default=True) else None,
            _sessions(given.get("sessions")),
            _flag(given, "databases", default=True),
        )


def _check(name: str) -> None:
    """Refuse what is no setting."""
    if name in _NOT_HERE:
        raise ConfigurationError(f"leave out {PREFIX}{name.upper()}: {_NOT_HERE[name]}.")
    if name not in (*_OF_THE_CACHE, *_OF_PAGES, *_OWN):
        known = ", ".join(PREFIX + each.upper() for each in (*_OF_THE_CACHE, *_OF_PAGES, *_OWN))
        raise ConfigurationError(f"{PREFIX}{name.upper()} is not a setting: there are {known}.")


def _sessions(given: Any) -> Any:
    """Where sessions live; `True` is with the cache, though apart from it."""
    return None if given is False else given


def _flag(given: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = given.get(name, default)
    if not isinstance(value, bool):
        raise ConfigurationError(f"{PREFIX}{name.upper()}={value!r}: write True or False.")
    return value
