"""What programs do with fragments: drop one."""

from __future__ import annotations

from afresh.django.fragments.caches import cache_of
from afresh.django.fragments.nodes import keyed
from afresh.fragments import fragments_of


def invalidate_fragment(name: str, *vary: object, using: str | None = None) -> None:
    """Drop a fragment, in all languages, for all visitors and in every process.

    Args:
        name: Its name, as in the tag.
        vary: What it varies on, as in the tag; without, all fragments of this name are dropped.
        using: The cache that its tag names.

    Raises:
        ConfigurationError: `using` names none.
        NotInvalidated: It could not be written.
    """
    fragments_of(cache_of(using)).invalidate(name, *map(keyed, vary))


async def ainvalidate_fragment(name: str, *vary: object, using: str | None = None) -> None:
    """The same under an event loop."""
    await fragments_of(cache_of(using)).ainvalidate(name, *map(keyed, vary))
