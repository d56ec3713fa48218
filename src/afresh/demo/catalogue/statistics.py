"""Figures about the whole catalogue, counted anew each time."""

from __future__ import annotations

from dataclasses import dataclass

from afresh.demo.catalogue import database


@dataclass(frozen=True, slots=True)
class Section:
    """A section's packages: how many, their size on disk in KiB, and the largest one."""

    name: str
    packages: int
    installed: int
    largest: str


def sections() -> list[str]:
    """The names of all sections, sorted."""
    return [name for (name,) in database.rows("SELECT DISTINCT section FROM package ORDER BY section")]


def section(name: str) -> Section:
    """One section, counted."""
    packages, installed = database.row(
        "SELECT count(*), coalesce(sum(installed), 0) FROM package WHERE section = ?", name
    )
    largest = database.row(
        "SELECT name FROM package WHERE section = ? ORDER BY installed DESC, name LIMIT 1", name
    )
    return Section(name, packages, installed, largest[0] if largest else "")


def most_needed(limit: int = 40) -> list[str]:
    """The packages that most others depend on directly."""
    found = database.rows(
        "SELECT target FROM dependency GROUP BY target ORDER BY count(*) DESC, target LIMIT ?", limit
    )
    return [name for (name,) in found]


def most_demanding(limit: int = 20) -> list[str]:
    """The packages that name the most dependencies themselves."""
    found = database.rows(
        "SELECT package FROM dependency GROUP BY package ORDER BY count(*) DESC, package LIMIT ?", limit
    )
    return [name for (name,) in found]


def best_rated(limit: int = 20) -> list[str]:
    """The packages with the best mean rating, of those that at least ten people rated."""
    found = database.rows(
        "SELECT package FROM rating GROUP BY package HAVING count(*) >= 10"
        " ORDER BY avg(stars) DESC, package LIMIT ?",
        limit,
    )
    return [name for (name,) in found]
