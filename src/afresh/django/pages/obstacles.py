"""Why pages aren't kept, as their requests have shown, and the lines of `afresh.toml` that would change it.

Each process finds out for itself, and tells the others through the cache: `manage.py check` is
another process.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from django.apps import apps

from afresh.cache import Cache
from afresh.django.database.written import Written
from afresh.django.settings import volatile_in_file, volatile_names
from afresh.http.options import Options

KEY = "afresh.django:obstacles"
_MOST = 100
_log = logging.getLogger("afresh.django")


class Obstacle(NamedTuple):
    """One, of pages of one kind.

    Attributes:
        path: A pattern of their paths.
        seen: The path of one of them.
        cookies: Cookies that they set.
        tables: Tables that they write.
        volatile: Columns, as `app.Model.field`, that they write and read, so that each drops itself.
        reason: Why the page wasn't kept, where it is something else.
    """

    path: str
    seen: str
    cookies: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()
    reason: str = ""

    @property
    def why(self) -> str:
        """In words."""
        parts = [f"set the cookie {name!r}" for name in self.cookies]
        parts += [f"write {name} while they are read" for name in self.tables]
        parts += [f"change what they are made from, {name}" for name in self.volatile]
        return f"Pages of {self.path} aren't kept: they {', '.join(parts)}."

    @property
    def lines(self) -> str:
        """What to write into `afresh.toml`."""
        lines = []
        if self.cookies or self.tables:
            lines += ["[[http.rule]]", f'path = "{self.path}"']
        if self.cookies:
            named = ", ".join(f'"{name}"' for name in self.cookies)
            lines.append(f"drop_cookies = [{named}]")
        if self.tables:
            lines.append('side_effects = "skip"')
        if self.volatile:
            there = volatile_in_file()
            named = ", ".join(f'"{name}"' for name in (*there, *self.volatile))
            lines.append("[django]  # in place of that table as it is now" if there else "[django]")
            lines.append(f"volatile = [{named}]")
        return "\n".join(lines)

    @property
    def hint(self) -> str:
        """What that would mean, and the lines."""
        means = []
        if self.cookies:
            means.append("hits don't set the cookie")
        if self.tables:
            means.append('hits don\'t write; with "replay" they count as the view does')
        if self.volatile:
            means.append("the column drops nothing, and pages that show it are up to a minute old")
        return f"If that is right ({'; '.join(means)}), write into afresh.toml:\n{self.lines}"

    def left(self, options: Options) -> Obstacle:
        """What of it is left with the settings of its path, and the columns that are declared."""
        cookies = tuple(name for name in self.cookies if name.encode() not in options.drop_cookies)
        volatile = tuple(name for name in self.volatile if name not in volatile_names())
        return self._replace(cookies=cookies, tables=() if options.writes else self.tables, volatile=volatile)

    def __bool__(self) -> bool:
        return bool(self.cookies or self.tables or self.volatile)


class Obstacles:
    """Those that this process has found."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._found: set[Obstacle] = set()

    def add(self, obstacle: Obstacle) -> bool:
        """Remember one; says whether it is new here."""
        known = obstacle._replace(seen="")
        if known in self._found or len(self._found) >= _MOST:
            return False
        self._found.add(known)
        _log.info("%s %s", obstacle.why, obstacle.hint)
        return True

    def tell(self, obstacle: Obstacle) -> None:
        """Let other processes know. It takes a round trip to the store."""

        def change(told: Any) -> Any:
            row = list(obstacle)
            rows = [each for each in told or [] if each[0] != obstacle.path]
            return [*rows[-_MOST:], [list(each) if isinstance(each, tuple) else each for each in row]]

        try:
            self._cache.mutate(KEY, change, ttl=None)
        except Exception:  # it was only to help
            _log.debug("an obstacle could not be told to others", exc_info=True)


def told(cache: Cache) -> list[Obstacle]:
    """Those that any process has found."""
    rows = cache.get(KEY) or []
    return [
        Obstacle(row[0], row[1], tuple(row[2]), tuple(row[3]), tuple(row[4]), row[5])
        for row in rows
        if len(row) == len(Obstacle._fields)
    ]


def pattern_of(route: str, path: str) -> str:
    """The paths of a route of Django's as a rule names them; the path itself where that can't be said."""
    text = re.sub(r"<[^<>]*>", "*", _without_groups(route)) if "(?P<" not in route else _without_groups(route)
    text = re.sub(r"\\(.)", r"\1", re.sub(r"\\Z|[\^$]", "", text))
    found = re.sub(r"\*+", "*", f"/{text}")
    return found if fnmatchcase(path, found) else path


def _without_groups(route: str) -> str:
    """A route with each of its groups, or of what it captures, as a `*`."""
    depth, text, escaped = 0, "", False
    for letter in route:
        if escaped:
            escaped = False
            text += f"\\{letter}" if not depth else ""
        elif letter == "\\":
            escaped = True
        elif letter == "(":
            text += "" if depth else "*"
            depth += 1
        elif letter == ")":
            depth -= 1
        elif not depth:
            text += letter
    return text


def columns_of(written: Iterable[Written]) -> list[str]:
    """The columns that were counted up, as `app.Model.field`."""
    changed = {
        (table, column) for each in written for table, columns in each.columns for column in columns or ()
    }
    return sorted(
        f"{model._meta.app_label}.{model.__name__}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_concrete_fields
        if (model._meta.db_table, field.column) in changed
    )


def obstacle_of(
    request: Any, cookies: Sequence[str], written: Sequence[Written], own: Sequence[Written]
) -> Obstacle:
    """What keeps the page of a request from being kept.

    Args:
        request: The request.
        cookies: Those that the answer sets.
        written: What it has written, and
        own: what of that it is itself made from.
    """
    match = getattr(request, "resolver_match", None)
    return Obstacle(
        path=pattern_of(match.route, request.path) if match is not None else request.path,
        seen=request.path,
        cookies=tuple(sorted(cookies)),
        tables=tuple(sorted({table for each in written for table, _ in each.columns})),
        volatile=tuple(columns_of(own)),
    )
