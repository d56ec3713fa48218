"""The editor: signs in, and changes packages through the forms while others read."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from afresh.demo.catalogue import edits, packages, people, statistics
from afresh.demo.drive.http import Connection
from afresh.demo.drive.oracle import Histories

_PAUSE = 0.1  # seconds between edits


@dataclass(slots=True)
class Editor:
    """Edits one package after another, and writes down what every page has to show from then on.

    Attributes:
        addresses: The workers, each edit goes to the next.
        cookies: Of the people that edit, rate and star.
        names: The packages that are edited.
        chance: Where its choices come from.
        histories: What was edited.
        count: How many edits were acknowledged.
    """

    addresses: list[tuple[str, int]]
    cookies: Mapping[str, str]
    names: list[str]
    chance: random.Random
    histories: Histories = field(default_factory=Histories)
    count: int = 0

    async def work(self, until: asyncio.Event) -> None:
        """Edit until told to stop."""
        connections = [Connection(address) for address in self.addresses]
        kinds = (self._rate, self._note, self._resize, self._move, self._star)
        try:
            while not until.is_set():
                make = self.chance.choices(kinds, weights=(55, 25, 5, 3, 12))[0]
                await make(connections[self.count % len(connections)], self.chance.choice(self.names))
                self.count += 1
                await asyncio.sleep(_PAUSE)
        finally:
            for connection in connections:
                await connection.close()

    async def _rate(self, connection: Connection, name: str) -> None:
        stars, before = self.chance.randint(1, 5), _rating(name)
        ratings, total = packages.rating(name)
        own = _own_rating(name, "editor")
        after = f"{total + stars - own}/{ratings + (own == 0)}"
        facts = {f"rating:{name}": (before, after)}
        await self._send(connection, f"/rate/{quote(name)}", {"stars": stars}, facts)

    async def _star(self, connection: Connection, name: str) -> None:
        person = self.chance.choice([each for each in self.cookies if each])
        before = [line.name for line in people.starred(person)]
        after = sorted({*before} ^ {name})
        facts = {f"starred:{person}": (" ".join(before), " ".join(after))}
        await self._send(connection, f"/star/{quote(name)}", {}, facts, person)

    async def _note(self, connection: Connection, name: str) -> None:
        await self._edit(connection, name, note=f"Looked at again; this is edit {self.count}, <b> & all.")

    async def _resize(self, connection: Connection, name: str) -> None:
        found = packages.package(name)
        assert found is not None
        await self._edit(connection, name, installed=found.installed + self.chance.randint(1, 500))

    async def _move(self, connection: Connection, name: str) -> None:
        await self._edit(connection, name, section=self.chance.choice(("misc", "utils", "oldlibs")))

    async def _edit(
        self,
        connection: Connection,
        name: str,
        *,
        section: str | None = None,
        installed: int | None = None,
        note: str | None = None,
    ) -> None:
        found = packages.package(name)
        assert found is not None
        asked = edits.Edit(
            section=found.section if section is None else section,
            installed=found.installed if installed is None else installed,
            note=found.note if note is None else note,
        )
        before = edits.Edit(found.section, found.installed, found.note)
        form = {"section": asked.section, "installed": asked.installed, "note": asked.note}
        await self._send(connection, f"/edit/{quote(name)}", form, _expected(name, before, asked))

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
