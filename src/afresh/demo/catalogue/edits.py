"""Everything that changes the catalogue: each function is one transaction and says what it changed."""

from __future__ import annotations

from dataclasses import dataclass

from afresh.demo.catalogue import database


class Refused(ValueError):
    """What was asked for can't be stored."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What an editor's form asks for. `installed` is in KiB."""

    section: str
    installed: int
    note: str


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit changed: the row before it, and the names of the columns that differ now."""

    before: Edit
    columns: list[str]


def edit(name: str, asked: Edit) -> Change:
    """Change a package.

    Raises:
        Refused: There is no such package or section, or the size makes no sense.
    """
    if not 0 <= asked.installed < 2**40:
        raise Refused("the size has to be between 0 and 2^40 KiB")
    with database.transaction() as writing:
        found = writing.execute("SELECT section, installed, note FROM package WHERE name = ?", (name,))
        stored = found.fetchone()
        known = writing.execute("SELECT 1 FROM package WHERE section = ? LIMIT 1", (asked.section,))
        if stored is None or known.fetchone() is None:
            raise Refused("there is no such package or section")
        before = Edit(*stored)
        changed = [
            column
            for column in ("section", "installed", "note")
            if getattr(before, column) != getattr(asked, column)
        ]
        if changed:
            given = ", ".join(f"{column} = ?" for column in changed)
            values = [getattr(asked, column) for column in changed]
            writing.execute(f"UPDATE package SET {given} WHERE name = ?", (*values, name))  # noqa: S608
    return Change(before, changed)


def rate(name: str, person: str, stars: int) -> None:
    """Give a package 1 to 5 stars, in the place of what this person gave it before.

    Raises:
        Refused: There is no such package, or that is no number of stars.
    """
    if stars not in range(1, 6):
        raise Refused("give one to five stars")
    with database.transaction() as writing:
        _must_exist(name)
        writing.execute(
            "INSERT INTO rating VALUES (?, ?, ?)"
            " ON CONFLICT (package, person) DO UPDATE SET stars = excluded.stars",
            (name, person, stars),
        )


def toggle_star(name: str, person: str) -> bool:
    """Put a package on a person's list, or take it off; says whether it is there now.

    Raises:
        Refused: There is no such package.
    """
    with database.transaction() as writing:
        _must_exist(name)
        gone = writing.execute("DELETE FROM star WHERE person = ? AND package = ?", (person, name)).rowcount
        if not gone:
            writing.execute("INSERT INTO star VALUES (?, ?)", (person, name))
    return not gone


def _must_exist(name: str) -> None:
    if database.row("SELECT 1 FROM package WHERE name = ?", name) is None:
        raise Refused("there is no such package")
