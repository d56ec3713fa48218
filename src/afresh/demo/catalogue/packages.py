"""Reading packages, in the way that first comes to mind: a query for the list, and more for each line."""

from __future__ import annotations

from dataclasses import dataclass

from afresh.demo.catalogue import database

PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Line:
    """A package as it stands in a list. `installed` is in KiB; `stars` is the sum of its `ratings`."""

    name: str
    version: str
    section: str
    installed: int
    needs: int
    needed_by: int
    ratings: int
    stars: int


@dataclass(frozen=True, slots=True)
class Package:
    """All that is known of one package. `installed` is in KiB, `archive` in bytes."""

    name: str
    version: str
    section: str
    priority: str
    source: str
    installed: int
    archive: int
    note: str


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a package brings with it: all that it needs, directly or not, and itself. Size in KiB."""

    packages: int
    installed: int


def package(name: str) -> Package | None:
    """One package."""
    found = database.row(
        "SELECT name, version, section, priority, source, installed, archive, note"
        " FROM package WHERE name = ?",
        name,
    )
    return Package(*found) if found else None


def line(name: str) -> Line:
    """One package, with what is counted for a list: four queries."""
    version, section, installed = database.row(
        "SELECT version, section, installed FROM package WHERE name = ?", name
    )
    (needs,) = database.row("SELECT count(*) FROM dependency WHERE package = ?", name)
    (needed_by,) = database.row("SELECT count(*) FROM dependency WHERE target = ?", name)
    ratings, stars = rating(name)
    return Line(name, version, section, installed, needs, needed_by, ratings, stars)


def rating(name: str) -> tuple[int, int]:
    """How many people rated a package, and the sum of their stars."""
    ratings, stars = database.row(
        "SELECT count(*), coalesce(sum(stars), 0) FROM rating WHERE package = ?", name
    )
    return ratings, stars


def in_section(section: str) -> list[str]:
    """The names of a section's packages, sorted."""
    return _names("SELECT name FROM package WHERE section = ? ORDER BY name", section)


def of_source(source: str) -> list[str]:
    """The names of the packages built from one source package, sorted."""
    return _names("SELECT name FROM package WHERE source = ? ORDER BY name", source)


def matching(words: str) -> list[str]:
    """The names that contain all of these words, best first: shorter, then by the alphabet."""
    patterns = [f"%{_escaped(word)}%" for word in words.split()]
    if not patterns:
        return []
    condition = " AND ".join("name LIKE ? ESCAPE '\\'" for _ in patterns)
    return _names(f"SELECT name FROM package WHERE {condition} ORDER BY length(name), name", *patterns)  # noqa: S608


def needs(name: str) -> list[str]:
    """The packages that this one depends on directly, in the order in which it names them."""
    return _names("SELECT target FROM dependency WHERE package = ? ORDER BY position", name)


def needed_by(name: str) -> list[str]:
    """The packages that depend on this one directly, sorted."""
    return _names("SELECT package FROM dependency WHERE target = ? ORDER BY package", name)


def closure(name: str) -> list[str]:
    """All that a package needs, directly or not, and itself: one query for each of them."""
    found, queue = {name: None}, [name]
    while queue:
        targets = _names("SELECT target FROM dependency WHERE package = ? ORDER BY position", queue.pop())
        for each in targets:
            if each not in found:
                found[each] = None
                queue.append(each)
    return list(found)


def installed(name: str) -> int:
    """The size of a package on disk, in KiB."""
    (size,) = database.row("SELECT installed FROM package WHERE name = ?", name)
    return int(size)


def footprint(name: str) -> Footprint:
    """What installing a package would bring to an empty machine: one more query for each of them."""
    members = closure(name)
    return Footprint(len(members), sum(installed(each) for each in members))


def _names(sql: str, *values: str) -> list[str]:
    return [name for (name,) in database.rows(sql, *values)]


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
