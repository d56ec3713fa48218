"""The phases in order: without afresh, with it cold, with it warm, with it while rows are edited.

The cold phase asks for what the first part of the one without afresh did, request by request, and is
compared with that part alone: what a cache has to make first is dear or cheap as those pages are.
Without it and warm, what is visited is measured three times: all pages as they are wanted, then lists
alone, then details alone.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from afresh.demo import dataset
from afresh.demo.catalogue import database
from afresh.demo.drive.editor import Editor
from afresh.demo.drive.http import Connection, sign_in
from afresh.demo.drive.judge import Verdict, against, leaked, outdated
from afresh.demo.drive.program import Program
from afresh.demo.drive.readers import Record, fetch, read
from afresh.demo.drive.servers import AFRESH, PLAIN, Workers
from afresh.demo.drive.visits import VISITORS, Population

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is done.

    Attributes:
        seconds: Length of each phase; one of one kind of page takes a quarter of it. The cold one has the
            requests that the application without afresh answers in a quarter of it.
        patience: Seconds that each round of comparisons may take at most.
        packages: How many packages' pages are visited; sections and searches come on top.
        connections: How many visitors wait for an answer at any time.
        variant: What is put in front of the catalogue (see `worker`).
        seed: Of what is visited and edited.
    """

    seconds: float = 6.0
    patience: float = 9.0
    packages: int = 120
    connections: int = 16
    variant: str = AFRESH
    seed: int = 1


KINDS = {"lists": "/section/", "details": "/package/"}
"""Kinds of pages that are measured by themselves, and how the addresses of each begin."""


@dataclass(slots=True)
class Kind:
    """What was measured of one kind of page, without afresh and warm."""

    before: Record = field(default_factory=Record)
    warm: Record = field(default_factory=Record)


@dataclass(slots=True)
class Outcome:
    """What was measured and found.

    Attributes:
        before: Without afresh.
        first: The part of it that has the requests of the cold phase.
        cold: With afresh, from an empty cache.
        warm: With afresh, after that.
        edited: With afresh, while rows are edited.
        kinds: Each kind of page by itself.
        marks: What the caches of all workers had counted after the cold phase, when every page was there,
            after the warm phase, and before and after the edited one.
        edits: How many edits were acknowledged.
        elsewhere: How many of them another program made, in plain SQL.
        verdict: What came of checking the answers.
    """

    before: Record = field(default_factory=Record)
    first: Record = field(default_factory=Record)
    cold: Record = field(default_factory=Record)
    warm: Record = field(default_factory=Record)
    edited: Record = field(default_factory=Record)
    kinds: dict[str, Kind] = field(default_factory=lambda: {name: Kind() for name in KINDS})
    marks: list[dict[str, float]] = field(default_factory=list)
    edits: int = 0
    elsewhere: int = 0
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def right(self) -> bool:
        """Whether every answer that was checked was right, and every request was answered."""
        return self.verdict.right and self.verdict.compared > 0 and self.verdict.checked > 0


def prepare(folder: Path) -> tuple[Path, dataset.Facts]:
    """Make the database."""
    path, facts = folder / "catalogue.db", dataset.read()
    database.create(path, facts)
    database.use(path)
    return path, facts


async def measure(path: Path, facts: dataset.Facts, fast: Workers, settings: Settings, say: Say) -> Outcome:
    """Run all phases against the workers `fast` and against workers without a cache."""
    with Workers(path, PLAIN) as plain:
        people = {name: await sign_in(plain.shared, name, database.PASSWORD) for name in database.PEOPLE}
        population = Population.of(facts, random.Random(settings.seed), settings.packages)
        return await _Phases(path, plain, fast, people, population, settings, say).run()


@dataclass(slots=True)
class _Phases:
    path: Path
    plain: Workers
    fast: Workers
    cookies: dict[str, str]
    population: Population
    settings: Settings
    say: Say
    outcome: Outcome = field(default_factory=Outcome)

    async def run(self) -> Outcome:
        outcome, seconds = self.outcome, self.settings.seconds
        self.say(f"Without afresh: {1.5 * seconds:g} s")
        visits = self._visits()
        outcome.first = await self._read(self.plain, seconds / 4, visits)
        outcome.before += outcome.first
        outcome.before += await self._read(self.plain, 3 / 4 * seconds, visits)
        for name, kind in outcome.kinds.items():
            kind.before = await self._read(self.plain, seconds / 4, self._visits(KINDS[name]))
        requests = len(outcome.first.latencies)
        self.say(
            f"With afresh: the first {requests} requests again, from an empty cache, every page twice, "
            f"then {1.5 * seconds:g} s"
        )
        outcome.cold = await self._read(self.fast, math.inf, islice(self._visits(), requests))
        outcome.marks.append(await self._counters())
        await self._fill()
        outcome.marks.append(await self._counters())
        outcome.warm = await self._read(self.fast, seconds, self._visits())
        outcome.marks.append(await self._counters())
        for name, kind in outcome.kinds.items():
            kind.warm = await self._read(self.fast, seconds / 4, self._visits(KINDS[name]))
        self.say("Comparing those answers with the uncached ones")
        await self._compare_unedited()
        self.say(f"With afresh, while an editor and another program edit: {seconds:g} s")
        outcome.marks.append(await self._counters())
        await self._edit()
        outcome.marks.append(await self._counters())
        self.say("Comparing every page, for every visitor, with the uncached one")
        await self._compare_edited()
        return outcome

    async def _fill(self) -> None:
        """Have each worker answer every page twice, to each visitor: then it knows the requests, too."""
        targets, addresses = self.population.targets, self.fast.addresses
        patience = 10 * self.settings.patience  # what isn't filled isn't warm
        await fetch(addresses, [(target, "") for target in targets], self.cookies, patience)
        every = [(target, visitor) for target in targets for visitor in sorted(set(VISITORS))]
        async with asyncio.TaskGroup() as group:
            for address in addresses:
                group.create_task(fetch([address], every * 2, self.cookies, patience))

    def _visits(self, beginning: str = "/") -> Iterator[tuple[str, str]]:
        """From the first one on: the same each time."""
        return self.population.beginning(beginning).visits(random.Random(self.settings.seed))

    async def _read(self, workers: Workers, seconds: float, visits: Iterator[tuple[str, str]]) -> Record:
        record = await read(
            workers.addresses, visits, self.cookies, seconds, connections=self.settings.connections
        )
        workers.check()
        self.outcome.verdict.failed += record.failed
        self.outcome.verdict.leaked += leaked(record)
        return record

    async def _compare_unedited(self) -> None:
        """No row has changed so far: what was answered without a cache is what has to be answered."""
        outcome, known = self.outcome, self.outcome.before.seen.copy()
        answered = [outcome.cold, outcome.warm]
        for kind in outcome.kinds.values():
            known.update(kind.before.seen)
            answered.append(kind.warm)
        missing = {pair for record in answered for pair in record.seen} - known.keys()
        more = await fetch(self.plain.addresses, sorted(missing), self.cookies, self.settings.patience)
        for record in answered:
            outcome.verdict += against(record, {**known, **more.seen})

    async def _edit(self) -> None:
        names = self.population.packages
        stop = asyncio.Event()
        async with Program(self.path) as program:
            chance = random.Random(self.settings.seed)
            editor = Editor(self.fast.addresses, program, self.cookies, names, chance)
            async with asyncio.TaskGroup() as group:
                group.create_task(editor.work(stop))
                self.outcome.edited = await self._read(self.fast, self.settings.seconds, self._visits())
                stop.set()
        self.outcome.edits, self.outcome.elsewhere = editor.count, editor.elsewhere
        self.outcome.verdict += outdated(self.outcome.edited, editor.histories)

    async def _compare_edited(self) -> None:
        """Nobody edits any more: each worker has to answer as the uncached application does."""
        pairs, patience = list({**self.outcome.warm.seen, **self.outcome.edited.seen}), self.settings.patience
        known = await fetch(self.plain.addresses, pairs, self.cookies, patience)
        self.outcome.verdict.unchecked += len(pairs) - len(known.seen)
        for address in self.fast.addresses:
            record = await fetch([address], list(known.seen), self.cookies, patience)
            self.outcome.verdict.failed += record.failed
            self.outcome.verdict.leaked += leaked(record)
            self.outcome.verdict += against(record, known.seen)

    async def _counters(self) -> dict[str, float]:
        total: dict[str, float] = {}
        for address in self.fast.addresses:
            connection = Connection(address)
            counted = json.loads((await connection.get("/demo/counters")).body)
            await connection.close()
            total = {name: total.get(name, 0) + value for name, value in counted.items()}
        return total
