"""One entry of `CACHES`, read and checked: what its cache is opened with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings as django_settings

from afresh.django.cache.location import Location, location
from afresh.django.cache.options import divided
from afresh.django.cache.packings import CODECS, secrets
from afresh.errors import ConfigurationError
from afresh.settings import Settings as CacheSettings

NAMESPACE = "django"
"""Of the caches behind Django's API: `cache.clear()` drops all that is in it, and nothing else."""

_CACHE = ("consistency", "fallback", "l1", "max_loads", "max_stale", "mode")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a cache is opened with.

    Attributes:
        location: Where its values are.
        codec: How values become bytes.
        serializer: The user's own way instead.
        signed_by: The secrets that sign.
        dependencies: See `Operations`.
        quiet: See `Operations`, and
        announced: there, too; by default where `"afresh.django"` is installed.
        arguments: Those of `afresh.Cache`.
    """

    location: Location
    codec: str
    serializer: Any
    signed_by: tuple[str | bytes, ...]
    dependencies: bool
    quiet: bool
    announced: bool
    arguments: tuple[tuple[str, Any], ...]

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for what can share one cache."""
        place = id(self.location.url) if self.location.kind == "client" else self.location
        return (
            place,
            self.codec,
            self.serializer,
            self.signed_by,
            self.dependencies,
            self.quiet,
            self.announced,
            repr(self.arguments),
        )


def settings_of(where: Any, params: Mapping[str, Any]) -> Settings:
    """Read an entry of `CACHES`.

    Args:
        where: Its `LOCATION`.
        params: All of it.

    Raises:
        ConfigurationError: Something makes no sense; the message says what to write instead.
    """
    found = location(where)
    own, url, login = divided(found.kind, {**_beside(params), **(params.get("OPTIONS") or {})})
    arguments = {name: own[name] for name in _CACHE if name in own}
    if "max_entries" in own and found.kind == "memory":
        arguments.setdefault("l1", int(own["max_entries"]))
    if found.url is not None:
        arguments["url"] = _with(found, url, login)
    arguments["namespace"] = own.get("namespace", NAMESPACE)
    CacheSettings.of(arguments)  # refuses now what would be refused at the first request
    codec = own.get("codec", "pickle")
    if codec not in CODECS:
        raise ConfigurationError(f'OPTIONS["CODEC"] = {codec!r}: there are {" and ".join(CODECS)}.')
    return Settings(
        location=found,
        codec=codec,
        serializer=own.get("serializer"),
        signed_by=() if codec == "msgpack" else secrets(),
        dependencies=_flag("DEPENDENCIES", own.get("dependencies", False)),
        announced=_flag("ANNOUNCE", own.get("announced", _anybody_listens())),
        quiet=_flag("IGNORE_EXCEPTIONS", own.get("quiet", True)),
        arguments=tuple(sorted(arguments.items())),
    )


def _anybody_listens() -> bool:
    """Whether this project keeps what was made from values: else a write need not be announced to anybody."""
    apps = getattr(django_settings, "INSTALLED_APPS", ())
    return any(each == "afresh.django" or each.startswith("afresh.django.") for each in apps)


def _beside(params: Mapping[str, Any]) -> dict[str, Any]:
    """What django-pylibmc takes beside OPTIONS."""
    return {name.lower(): params[name] for name in ("BINARY", "USERNAME", "PASSWORD") if name in params}


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"OPTIONS[{name!r}] = {value!r}: write True or False.")
    return value


def _with(found: Location, options: Mapping[str, str], login: Mapping[str, str]) -> Any:
    """The URL, with more options, and whoever logs in."""
    if found.kind == "client" or not (options or login):
        return found.url
    parts = urlsplit(found.url)
    there = parts.query
    query = "&".join(
        each
        for each in (there, urlencode({k: v for k, v in options.items() if f"{k}=" not in there}))
        if each
    )
    host = parts.netloc
    if login.get("password") and "@" not in host:
        host = f"{quote(login.get('username', ''), safe='')}:{quote(login['password'], safe='')}@{host}"
    path = parts.path
    if "db" in options and path.strip("/") and parts.scheme != "unix":
        query = urlencode({k: v for k, v in options.items() if k != "db"})  # the URL's own number counts
    return (
        f"{parts.scheme}://{host}{path}{'?' if query else ''}{query}"  # urlunsplit loses unix:///'s slashes
    )
