"""The editor: changes packages while others read, through the forms and in plain SQL from another program."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from afresh.demo.catalogue import edits, packages, people, statistics
from afresh.demo.drive.http import Connection
from afresh.demo.drive.oracle import Histories
from afresh.demo.drive.program import Program

_PAUSE = 0.1  # seconds between edits
_ELSEWHERE = 0.5  # the share of edits that the other program makes


@dataclass(slots=True)
class Editor:
    """Edits one package after another, and writes down what every page has to show from then on.

    Attributes:
        addresses: The workers, each edit through a form goes to the next.
        program: The other program.
        cookies: Of the people that edit, rate and star.
        names: The packages that are edited.
        chance: Where its choices come from.
        histories: What was edited.
        count: How many edits were acknowledged, through forms and by the other program.
        elsewhere: How many of them the other program made.
    """

    addresses: list[tuple[str, int]]
    program: Program
    cookies: Mapping[str, str]
    names: list[str]
    chance: random.Random
    histories: Histories = field(default_factory=Histories)
    count: int = 0
    elsewhere: int = 0

    async def work(self, until: asyncio.Event) -> None:
        """Edit until told to stop."""
        connections = [Connection(address) for address in self.addresses]
        kinds = (self._rate, self._note, self._resize, self._move, self._star)
        try:
            while not until.is_set():
                make = self.chance.choices(kinds, weights=(55, 25, 5, 3, 12))[0]
                form = (
                    None if self.chance.random() < _ELSEWHERE else connections[self.count % len(connections)]
                )
                await make(form, self.chance.choice(self.names))
                self.count += 1
                self.elsewhere += form is None
                await asyncio.sleep(_PAUSE)
        finally:
            for connection in connections:
                await connection.close()

    # Each edit goes through a form, or where there is none, through the other program.

    async def _rate(self, form: Connection | None, name: str) -> None:
        stars, before = self.chance.randint(1, 5), _rating(name)
        ratings, total = packages.rating(name)
        own = _own_rating(name, "editor")
        after = f"{total + stars - own}/{ratings + (own == 0)}"
        facts = {f"rating:{name}": (before, after)}
        if form is None:
            await self._execute(
                "INSERT OR REPLACE INTO rating VALUES (?, ?, ?)", (name, "editor", stars), facts
            )
        else:
            await self._send(form, f"/rate/{quote(name)}", {"stars": stars}, facts)

    async def _star(self, form: Connection | None, name: str) -> None:
        person = self.chance.choice([each for each in self.cookies if each])
        before = [line.name for line in people.starred(person)]
        after = sorted({*before} ^ {name})
        facts = {f"starred:{person}": (" ".join(before), " ".join(after))}
        if form is not None:
            await self._send(form, f"/star/{quote(name)}", {}, facts, person)
        elif name in before:
            await self._execute("DELETE FROM star WHERE person = ? AND package = ?", (person, name), facts)
        else:
            await self._execute("INSERT INTO star VALUES (?, ?)", (person, name), facts)

    async def _note(self, form: Connection | None, name: str) -> None:
        await self._edit(form, name, note=f"Looked at again; this is edit {self.count}, <b> & all.")

    async def _resize(self, form: Connection | None, name: str) -> None:
        found = packages.package(name)
        assert found is not None
        await self._edit(form, name, installed=found.installed + self.chance.randint(1, 500))

    async def _move(self, form: Connection | None, name: str) -> None:
        await self._edit(form, name, section=self.chance.choice(("misc", "utils", "oldlibs")))

    async def _edit(self, form: Connection | None, name: str, **changed: Any) -> None:
        found = packages.package(name)
        assert found is not None
        before = edits.Edit(found.section, found.installed, found.note)
        asked = replace(before, **changed)
        facts = _expected(name, before, asked)
        if form is None:
            ((column, value),) = changed.items()
            await self._execute(f"UPDATE package SET {column} = ? WHERE name = ?", (value, name), facts)  # noqa: S608
        else:
            fields = {"section": asked.section, "installed": asked.installed, "note": asked.note}
            await self._send(form, f"/edit/{quote(name)}", fields, facts)

    async def _send(
        self,
        connection: Connection,
        target: str,
        form: Mapping[str, object],
        facts: Mapping[str, tuple[str, str]],
        person: str = "editor",
    ) -> None:
        begun = self.histories.begin(facts)
        answer = await connection.post(target, form, self.cookies[person])
        if answer.status != 303:
            raise RuntimeError(f"{target} answered {answer.status}: {answer.body.decode()[:200]}")
        self.histories.acknowledge(begun, time.monotonic())

    async def _execute(
        self, sql: str, values: tuple[object, ...], facts: Mapping[str, tuple[str, str]]
    ) -> None:
        begun = self.histories.begin(facts)
        await self.program.execute(sql, *values)
        self.histories.acknowledge(begun, time.monotonic())


def _expected(name: str, before: edits.Edit, asked: edits.Edit) -> dict[str, tuple[str, str]]:
    """What pages show before and after an edit, sums over sections included."""
    facts = {
        f"section:{name}": (before.section, asked.section),
        f"installed:{name}": (str(before.installed), str(asked.installed)),
        f"note:{name}": (before.note, asked.note),
    }
    for section in {before.section, asked.section}:
        stored = statistics.section(section)
        inside = (section == asked.section) - (section == before.section)
        size = asked.installed * (section == asked.section) - before.installed * (section == before.section)
        facts[f"packages-in:{section}"] = (str(stored.packages), str(stored.packages + inside))
        facts[f"installed-in:{section}"] = (str(stored.installed), str(stored.installed + size))
    return facts


def _rating(name: str) -> str:
    ratings, stars = packages.rating(name)
    return f"{stars}/{ratings}"


def _own_rating(name: str, person: str) -> int:
    from afresh.demo.catalogue import database

    found = database.row("SELECT stars FROM rating WHERE package = ? AND person = ?", name, person)
    return int(found[0]) if found else 0
