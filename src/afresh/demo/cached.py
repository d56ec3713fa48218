"""The same catalogue with afresh in front of it: everything that differs is in this file.

An author would write the lines below as decorators in the catalogue itself. They stand here instead,
and are put in front of its functions when it starts, so that one code base is measured both ways.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

from afresh import Cache, Row, Table, Where, tag
from afresh.demo.catalogue import edits, packages, pages, people, statistics
from afresh.demo.catalogue.edits import Change, Edit

# What each query reads. These are too quick to be worth keeping, but whatever calls them depends on it.
READS: Mapping[Callable[..., Any], Callable[..., list[Any]]] = {
    packages.package: lambda name: [Row("package", name)],
    packages.installed: lambda name: [Row("package", name, columns=["installed"])],
    packages.line: lambda name: [
        Row("package", name, columns=["version", "section", "installed"]),
        Where("dependency", package=name),
        Where("dependency", target=name),
        Where("rating", package=name),
    ],
    packages.in_section: lambda section: [Where("package", section=section, columns=["section"])],
    packages.of_source: lambda source: [Where("package", source=source, columns=["source"])],
    packages.needs: lambda name: [Where("dependency", package=name)],
    packages.needed_by: lambda name: [Where("dependency", target=name)],
    packages.closure: lambda name: [Table("dependency")],
    statistics.sections: lambda: [tag("sections")],
}

# What is kept, and what it reads itself. Whatever it reads by calling the functions above, or others
# that are kept, it depends on without a word: a page follows its footprints, and they the sizes.
KEPT: Mapping[Callable[..., Any], Callable[..., list[Any]] | None] = {
    pages.home: None,
    pages.section: None,
    pages.package: None,
    pages.search: None,
    pages.overview: None,
    packages.footprint: None,
    packages.matching: lambda words: [tag("names of packages")],
    statistics.section: lambda name: [Where("package", section=name, columns=["section", "installed"])],
    statistics.most_needed: lambda: [Table("dependency")],
    statistics.most_demanding: lambda: [Table("dependency")],
    statistics.best_rated: lambda: [Table("rating")],
    people.starred: lambda person: [Where("star", person=person)],
}


@contextmanager
def with_afresh(cache: Cache) -> Iterator[None]:
    """Put `cache` in front of the catalogue's functions for the length of the block."""
    replaced = {function: _declared(cache, function, tags) for function, tags in READS.items()}
    for function, tags in KEPT.items():
        replaced[function] = cache.cached(ttl="10m", tags=tags)(function)
    replaced |= _announced(cache)
    try:
        for function, replacement in replaced.items():
            setattr(sys.modules[function.__module__], function.__name__, replacement)
        yield
    finally:
        for function in replaced:
            setattr(sys.modules[function.__module__], function.__name__, function)


def _declared(
    cache: Cache, function: Callable[..., Any], tags: Callable[..., list[Any]]
) -> Callable[..., Any]:
    @wraps(function)
    def reading(*values: Any) -> Any:
        cache.depends_on(*tags(*values))
        return function(*values)

    return reading


def _announced(cache: Cache) -> dict[Callable[..., Any], Callable[..., Any]]:
    """The three functions that write, each followed by what it changed. By then it is committed."""
    plain_edit, plain_rate, plain_toggle = edits.edit, edits.rate, edits.toggle_star

    def edit(name: str, asked: Edit) -> Change:
        change = plain_edit(name, asked)
        if columns := change.columns:
            cache.invalidate(
                Row("package", name, columns=columns),
                Where("package", section=change.before.section, columns=columns),
                Where("package", section=asked.section, columns=columns),
                *([tag("sections")] if "section" in columns else []),
            )
        return change

    def rate(name: str, person: str, stars: int) -> None:
        plain_rate(name, person, stars)
        cache.invalidate(Where("rating", package=name))

    def toggle_star(name: str, person: str) -> bool:
        there = plain_toggle(name, person)
        cache.invalidate(Where("star", person=person))
        return there

    return {edits.edit: edit, edits.rate: rate, edits.toggle_star: toggle_star}
