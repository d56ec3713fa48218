"""`afresh stats`: where the cache lives, and what is in it."""

from __future__ import annotations

from typing import Any

from afresh.django.project import place_of_project, project_cache

HELP = "Shows where the project's cache lives, its mode, and what its store holds."


def add_arguments(parser: Any) -> None:
    """None."""


def run(options: dict[str, Any], out: Any) -> None:
    """Show it. Hits are counted in each process: those of the workers are in their own `cache.stats()`."""
    cache = project_cache()
    out.write(f"decided by  {place_of_project().why}")
    for name, place in {"": cache, **{each: cache.pool(each) for each in cache._opened.pools}}.items():
        stats = place.stats()
        out.write(f"{f'pool {name}' if name else 'cache'}  {stats.url}")
        shown = {"mode": stats.mode, "position": stats.position, **stats.store, **stats.status}
        for label, value in shown.items():
            out.write(f"  {label}  {value}")
