"""What all fragments of one rendering have in common: found out by the first of them."""

from __future__ import annotations

from typing import Any

from afresh.django.fragments.caches import cache_of
from afresh.django.fragments.watch import looked_up
from afresh.fragments import Fragments, Rendering, fragments_of
from afresh.http.requests.visit import visiting

_PAGE = "afresh page"


class Page:
    """One rendering of a template, with all that it includes.

    Attributes:
        address: What tells this page from others; `None` where nothing does.
        rendering: Fetches its fragments together.
    """

    __slots__ = ("_fragments", "address", "rendering")

    def __init__(self, context: Any) -> None:
        self.address = _address(context)
        self.rendering = Rendering(f"{getattr(context.template, 'name', None)} {self.address}")
        self._fragments: dict[Any, Fragments] = {}

    def fragments(self, using: Any) -> Fragments:
        """Those of one cache.

        Raises:
            ConfigurationError: `using` names none.
        """
        found = self._fragments.get(using)
        if found is None:
            found = self._fragments[using] = fragments_of(cache_of(using))
        return found


def page_of(context: Any) -> Page:
    """The rendering that a tag is a part of."""
    shared = context.render_context.dicts[0]  # as `{% include %}` keeps what it has loaded
    page: Page | None = shared.get(_PAGE)
    if page is None:
        page = shared[_PAGE] = Page(context)
    return page


def _address(context: Any) -> str | None:
    visit = visiting.get()
    if visit is not None:
        asked = visit.asked.request
        if asked.method not in {"GET", "HEAD"}:
            return None
        return b"\0".join((asked.scheme.encode(), asked.authority, asked.path, asked.query)).decode("latin-1")
    request = getattr(context, "request", None) or looked_up(context, "request", None)
    if request is None or request.method not in {"GET", "HEAD"}:
        return None
    return f"{request.META.get('HTTP_HOST', '')}\0{request.get_full_path()}"
