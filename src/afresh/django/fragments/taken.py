"""What a fragment took from the template around it: what that means for its key, and for what it depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db.models import Model

from afresh.core.tags import Row
from afresh.django.database.databases import name_of
from afresh.django.fragments.watch import Watch, looked_up
from afresh.django.settings import volatile
from afresh.fragments import Outside, in_the_key
from afresh.http.requests.visit import visiting

_CONSTANTS = frozenset(
    [
        "DEFAULT_MESSAGE_LEVELS", "False", "LANGUAGES", "LANGUAGE_BIDI", "LANGUAGE_CODE", "None", "TIME_ZONE", "True",
        "block", "csp_nonce", "csrf_token", "debug",
    ]
)  # fmt: skip
"""The same on all pages, in the key of each fragment, or taken care of otherwise."""

_VISITOR = frozenset(["perms", "user"])
_SHOWN_ONCE = frozenset(["messages", "request._messages"])
_ABSENT: Any = object()
_MESSAGES = "it shows messages, which are one visitor's, once"


def outside(
    context: Any, watch: Watch, named: Watch, vary: Sequence[Any], cap: Callable[[], None]
) -> Outside:
    """What was taken from outside.

    Args:
        context: As it is at the tag.
        watch: What was looked up for the fragment.
        named: What was looked up for the tag, and
        vary: what came of it.
        cap: Gives what shows a volatile column its age: no write to one drops anything.
    """
    names = set(watch.names)
    if watch.everything:
        names.update(name for each in context.dicts for name in dict.keys(each))
    return _Sorting(context, watch, named, vary, cap).sorted(names - _CONSTANTS)


class _Sorting:
    """Sorts names by what they mean."""

    def __init__(
        self, context: Any, watch: Watch, named: Watch, vary: Sequence[Any], cap: Callable[[], None]
    ) -> None:
        self._cap = cap
        self._context = context
        self._watch = watch
        self._named_by_tag = named.names
        self._address_named = named.address
        self._vary = vary
        visit = visiting.get()
        self._seen = visit is not None and visit.reads is not None
        self._rows: list[Row] = []
        self._named: list[str] = []
        self._shown: list[str] = []
        self._of_visitor: list[str] = []
        self._refused = ""

    def sorted(self, names: set[str]) -> Outside:
        """What they are together."""
        loop = _of_loops(self._context)
        for name in sorted(names):
            self._sort(name, loop)
        address = self._watch.address and not self._address_named
        return Outside(self._rows, self._named, self._shown, self._of_visitor, address, self._refused)

    def _sort(self, name: str, loop: set[str]) -> None:
        value = _ABSENT if name.startswith("request.") else looked_up(self._context, name, _ABSENT)
        if name in self._watch.noticed or name in _VISITOR:
            self._visitors(name)
        elif name in _SHOWN_ONCE:
            self._refused = _MESSAGES
        elif _is_setting(name, value):
            return
        elif name in self._named_by_tag:
            # One that the tag doesn't name may be equal to another that it does, by chance.
            if not in_the_key(value, self._vary):
                self._is_named(name, value)
        elif name in loop:
            self._refused = (
                f"it shows {name}, another one each time: name it in the tag, as what it varies on"
            )
        else:
            self._shown.append(name)

    def _visitors(self, name: str) -> None:
        """What is the visitor's: it is in the key if the tag says so, or if reads of the request are noticed."""
        if name in self._named_by_tag:
            self._named.append(name)
        elif not self._seen:
            self._refused = (
                f"it shows {name}, and nobody sees whose: use afresh.django.Middleware, or name it in the tag"
            )
        elif name in _VISITOR:
            self._of_visitor.append(name)

    def _is_named(self, name: str, value: Any) -> None:
        rows = list(_rows(value, self._cap)) if isinstance(value, Model) else [None]
        known = [row for row in rows if row is not None]
        if len(known) == len(rows):
            self._rows.extend(known)
        else:
            self._named.append(name)


def _of_loops(context: Any) -> set[str]:
    """Variables that a loop around the tag sets anew each time."""
    levels = context.dicts
    first = next(
        (number for number, each in enumerate(levels) if dict.__contains__(each, "forloop")), len(levels)
    )
    return {name for each in levels[first:] for name in dict.keys(each)}


def _is_setting(name: str, value: Any) -> bool:
    return name.isupper() and hasattr(settings, name) and getattr(settings, name) == value


def _rows(instance: Any, cap: Callable[[], None]) -> Iterator[Row | None]:
    """The rows that an object was made from, and those that it holds; `None` for what can't be named."""
    meta, alias = instance._meta, instance._state.db
    fields = {field.attname for field in meta.concrete_fields}
    extra = {name for name in vars(instance) if not name.startswith("_")} - fields
    if alias is None or instance.pk is None or extra or "_prefetched_objects_cache" in vars(instance):
        yield None
        return
    changing: Mapping[str, object] = volatile(alias)
    for model in (type(instance), *meta.get_parent_list()):
        key = getattr(instance, model._meta.pk.attname, None)
        # A number is spelled in one way only, by whoever reads or writes it.
        yield Row(model, key, db=name_of(alias) or None) if type(key) is int else None
        if model._meta.db_table in changing:
            cap()
    for related in instance._state.fields_cache.values():
        if isinstance(related, Model):
            yield from _rows(related, cap)
        elif related is not None:
            yield None
