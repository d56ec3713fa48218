"""The tags, as they are rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from jinja2 import Environment, Template, TemplateError, Undefined
from jinja2.runtime import Context
from markupsafe import Markup

from afresh.cache import Cache
from afresh.core.durations import Duration
from afresh.engine.asking.tracker import asking
from afresh.errors import ConfigurationError
from afresh.fragments import (
    Outside,
    Wanted,
    current_rendering,
    cutting,
    fragments_of,
    in_the_key,
    rendered_as,
)
from afresh.http.requests.visit import visiting
from afresh.places import GIVEN

UNSEEN = 60.0
"""Seconds: so old may be what is rendered from a template that can't be told beforehand."""

_EXTENSION = "afresh.jinja2.extension.FragmentExtension"
_CODE = (FunctionType, BuiltinFunctionType, MethodType, ModuleType, type)


def install(
    environment: Environment,
    cache: Cache | Callable[[], Cache],
    *,
    known: Sequence[str] = (),
    holes: Mapping[str, Callable[[Context], Any]] | None = None,
    address: Callable[[Context], str | None] | None = None,
) -> None:
    """Let the templates of an environment keep fragments in a cache.

    Args:
        environment: Jinja2's.
        cache: Where, or what says it when the first fragment is rendered.
        known: Variables that hold nothing that was read from a database, or nothing unnoticed.
        holes: What differs per visitor beside `{% uncached %}`: the names that `afresh.http.holes.hole` is
            given, with what fills them.
        address: Says what tells pages apart; by default, the address of the request that
            a middleware of ours sees.
    """
    environment.add_extension(_EXTENSION)
    own: Any = environment  # what belongs to an extension is an attribute of the environment
    own.afresh_cache, own.afresh_address = cache, address
    own.afresh_known, own.afresh_holes = frozenset(known), dict(holes or {})


def prepare(environment: Environment) -> None:
    """Let each rendering of a template begin one of ours."""
    environment.globals["_afresh_unset"] = GIVEN
    kind = environment.template_class
    if not issubclass(kind, _Begins):
        environment.template_class = type(kind.__name__, (_Begins, kind), {})


class _Begins(Template):
    """A template whose rendering fetches its fragments together."""

    def render(self, *args: Any, **kwargs: Any) -> str:
        """The text."""
        if current_rendering() is not None or self.environment.is_async:
            return super().render(*args, **kwargs)
        with rendered_as(f"{self.name}"):
            return super().render(*args, **kwargs)

    async def render_async(self, *args: Any, **kwargs: Any) -> str:
        """The same under an event loop."""
        if current_rendering() is not None:
            return await super().render_async(*args, **kwargs)
        with rendered_as(f"{self.name}"):
            return await super().render_async(*args, **kwargs)


# -- fragments ----------------------------------------------------------------------------------


def fragment(
    environment: Environment,
    caller: Callable[[str], Any],
    context: Context,
    name: str,
    ttl: Duration | None,
    vary: Sequence[Any],
    using: str | None,
    digest: str,
    values: Mapping[str, Any],
    named: tuple[str, ...],
    uses: tuple[tuple[str, ...], bool, bool],
    holes: tuple[str, ...],
) -> Any:
    """The text of a fragment; under an event loop, a coroutine."""
    fragments = fragments_of(_cache_of(environment, using))
    templates, is_open, blocks = uses
    fillers: Mapping[str, Callable[[Context], Any]] = getattr(environment, "afresh_holes", {})

    def make() -> Any:
        tracker = asking()
        if is_open and tracker is not None:
            tracker.cap(fragments.engine.now() + UNSEEN)
        return caller("")

    wanted = Wanted(
        name=name,
        make=make,
        vary=(spelled := [_spelled(value) for value in vary]),
        version=_version(environment, digest, templates, f"{context.name}" if blocks else ""),
        ttl=ttl,
        holes=frozenset((*holes, *fillers)),
        fill=lambda hole: caller(hole) if hole in holes else fillers[hole](context),
        outside=lambda: Taken(context, spelled, named).outside(
            {**context.get_all(), **values} if is_open else values
        ),
        address=_address(environment, context),
    )
    return fragments.arendered(wanted) if environment.is_async else fragments.rendered(wanted)


def uncached(name: str, caller: Callable[[], Any]) -> Any:
    """The text of a block that is rendered per visitor; within a fragment, a mark."""
    cut = cutting()
    if cut is None:
        return caller()
    if name in cut.names:
        return cut.mark(name)
    tracker = asking()
    if tracker is not None:
        tracker.refuse("a template that it includes has a block that is rendered per visitor")
    return caller()


def _cache_of(environment: Environment, using: str | None) -> Cache:
    cache: Any = getattr(environment, "afresh_cache", None)
    if cache is not None and not isinstance(cache, Cache):
        cache = cache()
    if not isinstance(cache, Cache):
        raise ConfigurationError(
            "no cache was given to this environment: call afresh.jinja2.install(environment, cache)."
        )
    return cache if using is None else cache.pool(using)


def _spelled(value: Any) -> Any:
    """A value as keys have it: what is marked as safe is a text."""
    if isinstance(value, Undefined):
        return None
    return str.__str__(value) if isinstance(value, Markup) else value


# -- what it is made of -------------------------------------------------------------------------


class Taken(NamedTuple):
    """What a fragment takes from outside, of which its tag names some."""

    context: Context
    vary: Sequence[Any]
    named: tuple[str, ...]

    def outside(self, values: Mapping[str, Any]) -> Outside:
        """Which of these variables may hold what was read before, and which are others on each page."""
        known: frozenset[str] = getattr(self.context.environment, "afresh_known", frozenset())
        taken = {
            name: value for name, value in values.items() if name not in known and self._is_data(name, value)
        }
        shown = sorted(name for name in taken if name not in self.named)
        local = next((name for name in shown if name not in self.context), "")
        return Outside(
            named=sorted(set(taken).intersection(self.named)),
            shown=shown,
            refused=f"it shows {local}, another one each time: name it in the tag, as what it varies on"
            if local
            else "",
        )

    def _is_data(self, name: str, value: Any) -> bool:
        if isinstance(value, Undefined) or (name in self.named and in_the_key(value, self.vary)):
            return False
        if self.context.environment.globals.get(name) is value:
            return False  # `range`, `cycler`
        return not isinstance(value, _CODE) or bool(getattr(value, "__closure__", None))


def _address(environment: Environment, context: Context) -> str | None:
    """What tells the pages of an application apart."""
    own: Callable[[Context], str | None] | None = getattr(environment, "afresh_address", None)
    if own is not None:
        return own(context)
    visit = visiting.get()
    if visit is None or visit.asked.request.method not in {"GET", "HEAD"}:
        return None
    asked = visit.asked.request
    return b"\0".join((asked.scheme.encode(), asked.authority, asked.path, asked.query)).decode("latin-1")


_digests: WeakKeyDictionary[Template, str] = WeakKeyDictionary()


def _version(environment: Environment, digest: str, templates: Sequence[str], top: str) -> str:
    """What stands in a fragment and in the templates that it uses, shortened."""
    if not templates and not top:
        return digest
    parts = [digest, top, *(_digest_of(environment, name) for name in templates)]
    return blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


def _digest_of(environment: Environment, name: str) -> str:
    try:
        template = environment.get_template(name)
        digest = _digests.get(template)
        if digest is None:
            source, _, _ = environment.loader.get_source(environment, name)  # type: ignore[union-attr]
            digest = _digests[template] = blake2b(source.encode(), digest_size=8).hexdigest()
        return digest
    except TemplateError:
        return ""
