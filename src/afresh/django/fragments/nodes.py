"""The tags, as they are rendered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Model
from django.template import Node, NodeList, TemplateSyntaxError, Variable, VariableDoesNotExist
from django.template.base import FilterExpression
from django.template.loader_tags import BlockNode
from django.utils.functional import SimpleLazyObject
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language

from afresh.core.durations import Duration, seconds
from afresh.core.keys import Secret, canonical
from afresh.django.fragments.page import page_of
from afresh.django.fragments.taken import outside
from afresh.django.fragments.versions import VERSIONS, told_the_time
from afresh.django.fragments.watch import Watch, looked_up, watching, within
from afresh.django.pages.holes import CSRF, token_of
from afresh.django.settings import given
from afresh.engine.asking.tracker import asking
from afresh.errors import ConfigurationError, UnkeyableArgument
from afresh.fragments import Fragments, Wanted, cutting
from afresh.http.holes import hole
from afresh.places import GIVEN

_NONCE = "csp_nonce"
_TOKEN = "csrf_token"  # noqa: S105  the name of a variable
_VERSIONS = 64  # of one fragment that are remembered
_SECRET = re.compile(r"session_key|session\.|COOKIES|csrf|password|authorization|token", re.IGNORECASE)


class Tag(NamedTuple):
    """What stands in a tag.

    Attributes:
        name: The fragment's.
        ttl: Its age.
        vary: What it varies on.
        using: Another cache.
    """

    name: str
    ttl: FilterExpression | None
    vary: Sequence[FilterExpression]
    using: FilterExpression | None


class FragmentNode(Node):  # type: ignore[misc]  # it has no types
    """A fragment.

    Args:
        tag: What stands in its tag.
        nodelist: What stands in it, and
        source: the text of that.
    """

    def __init__(self, tag: Tag, nodelist: NodeList, source: str) -> None:
        self.tag = tag
        self.nodelist = nodelist
        self._source = source
        self._digest = blake2b(source.encode(), digest_size=8).hexdigest()
        self._uncached: Mapping[str, UncachedNode] = {
            each.name: each for each in nodelist.get_nodes_by_type(UncachedNode)
        }
        self._blocks = bool(nodelist.get_nodes_by_type(BlockNode))
        self._holes = frozenset((CSRF, _NONCE, *self._uncached))
        self._tells_time: bool | None = None
        self._versions: dict[tuple[str, ...], str] = {}

    def render(self, context: Any) -> Any:
        """The text for this visitor."""
        page = page_of(context)
        fragments = page.fragments(None if self.tag.using is None else self.tag.using.resolve(context))
        vary = [_spelled(each, context) for each in self.tag.vary]
        use = _Use(self, context, fragments, vary)
        wanted = Wanted(
            name=self.tag.name,
            make=use.make,
            vary=vary,
            version=self._version(context, fragments),
            ttl=self._ttl(context),
            holes=self._holes,
            fill=use.fill,
            outside=use.outside,
            address=page.address,
        )
        return fragments.rendered(wanted, page.rendering)

    def tells_time(self, context: Any) -> bool:
        """Whether it shows the time, or chance."""
        if self._tells_time is None:
            self._tells_time = told_the_time(context.template.engine, self._source)
        return self._tells_time

    def uncached(self, name: str) -> UncachedNode | None:
        """A block in it that is rendered per visitor."""
        return self._uncached.get(name)

    def _ttl(self, context: Any) -> Duration | None:
        expression = self.tag.ttl
        if expression is None:
            return GIVEN  # type: ignore[no-any-return]
        if isinstance(expression.var, Variable):
            try:
                expression.var.resolve(context)
            except VariableDoesNotExist:
                raise TemplateSyntaxError(
                    f"{{% afresh %}} got an unknown variable: {expression.var.var!r} stands where the age does. "
                    f'A name that something follows stands in quotes: {{% afresh "{expression.var.var}" … %}}.'
                ) from None
        ttl: Any = expression.resolve(context)
        if isinstance(ttl, str) and ttl.isdigit():
            ttl = int(ttl)
        try:
            if ttl is not None:
                seconds(ttl, "ttl")
        except ConfigurationError as error:
            raise TemplateSyntaxError(f"{{% afresh %}}: {error}") from error
        return ttl  # type: ignore[no-any-return]

    def _version(self, context: Any, fragments: Fragments) -> str:
        """What tells it from others that the tag calls alike."""
        match = getattr(getattr(context, "request", None), "resolver_match", None)
        parts = (
            VERSIONS.digest(fragments.engine.now),
            str(getattr(context.template, "name", None)) if self._blocks else "",
            match.namespace if match else "",
            str(get_language()) if settings.USE_I18N else "",
            get_current_timezone_name() if settings.USE_TZ else "",
        )
        version = self._versions.get(parts)
        if version is None:
            if len(self._versions) >= _VERSIONS:
                self._versions.clear()
            text = "\0".join((self._digest, *parts))
            version = self._versions[parts] = blake2b(text.encode(), digest_size=8).hexdigest()
        return version


class UncachedNode(Node):  # type: ignore[misc]  # it has no types
    """A block that is rendered per visitor.

    Args:
        nodelist: What stands in it, and
        source: the text of that.
        name: Tells it from others.
    """

    def __init__(self, nodelist: NodeList, source: str, name: str) -> None:
        self.nodelist = nodelist
        self.name = name
        self._words = frozenset(re.findall(r"\w+", source))

    def render(self, context: Any) -> Any:
        """The text; within a fragment, a mark."""
        cut = cutting()
        if cut is not None and self.name in cut.names:
            lost = sorted(self._words & within(context))
            if lost:
                raise TemplateSyntaxError(
                    f"{{% uncached %}} is rendered without the fragment around it, so {lost[0]!r} is not known there."
                )
            return cut.mark(self.name)
        tracker = asking() if cut is not None else None
        if tracker is not None:
            tracker.refuse("a template that it includes has a block that is rendered per visitor")
        return str(self.nodelist.render(context))


class _Use:
    """One use of a fragment in a template."""

    def __init__(self, node: FragmentNode, context: Any, fragments: Fragments, vary: Sequence[Any]) -> None:
        self._node = node
        self._context = context
        self._fragments = fragments
        self._vary = vary
        self._watch: Watch | None = None

    def make(self) -> str:
        """Render it. The token against forged forms is made within it: elsewhere it is another's."""
        own = {
            variable: SimpleLazyObject(lambda name=name: hole(name, lambda: self.fill(name)))
            for variable, name in ((_TOKEN, CSRF), (_NONCE, _NONCE))
            if looked_up(self._context, variable, None) is not None
        }
        if self._node.tells_time(self._context):
            self._cap()
        with watching(self._context, **own) as self._watch:
            return str(self._node.nodelist.render(self._context))

    def fill(self, name: str) -> str:
        """What stands in a hole, for this visitor."""
        node = self._node.uncached(name)
        if node is not None:
            return str(node.render(self._context))
        if name == _NONCE:
            return str(looked_up(self._context, _NONCE, ""))
        token = looked_up(self._context, _TOKEN, None)
        return str(token_of(self._context.request).text if token is None else token)

    def outside(self) -> Any:
        """What it took from the template around it."""
        assert self._watch is not None
        with watching(self._context) as named:
            for each in self._node.tag.vary:
                each.resolve(self._context)
        return outside(self._context, self._watch, named, self._vary, self._cap)

    def _cap(self) -> None:
        """It shows what no write announces."""
        tracker = asking()
        if tracker is not None:
            tracker.cap(self._fragments.engine.now() + seconds(given("UNSEEN_TTL", 60.0), "UNSEEN_TTL"))


def _spelled(expression: Any, context: Any) -> Any:
    """What stands in a key for an expression; what nobody should read there, as a digest."""
    value = keyed(expression.resolve(context))
    return Secret(value) if _SECRET.search(expression.token) else value


def keyed(value: Any) -> Any:
    """What a fragment varies on, as keys have it."""
    if isinstance(value, Model):
        row: Any = value
        return (row._meta.label_lower, row.pk if row.pk is not None else repr(row))
    try:
        canonical(value)
    except UnkeyableArgument:
        return str(value)  # as `{% cache %}` does
    return str.__str__(value) if isinstance(value, str) else value
