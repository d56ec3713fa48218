"""Readers: they ask for pages as fast as they are answered, and remember what they were shown."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from afresh.demo.drive.http import Answer, Connection
from afresh.demo.drive.oracle import Shown, shown


@dataclass(slots=True)
class Sighting:
    """One body that was seen for a page and a visitor, and when the requests for it began.

    Times are seconds of `time.monotonic()`, which all processes of a machine share.
    """

    body: bytes
    began: array[float] = field(default_factory=lambda: array("d"))
    _shown: Shown | None = None

    @property
    def shown(self) -> Shown:
        """The facts in it. To be asked for when nothing is measured: it takes longer than an answer."""
        if self._shown is None:
            self._shown, self.body = shown(self.body), b""
        return self._shown


Seen = dict[tuple[str, str], dict[int, Sighting]]
"""By page and visitor, by the hash of the body."""


@dataclass(slots=True)
class Record:
    """What a load measured and was shown.

    Attributes:
        latencies: Of each answer, in seconds.
        seconds: How long the load took in all.
        seen: What was shown.
        failed: Requests that were not answered with status 200.
    """

    latencies: array[float] = field(default_factory=lambda: array("d"))
    seconds: float = 0.0
    seen: Seen = field(default_factory=dict)
    failed: int = 0

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        """The latency, in seconds, that this share of the answers did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def add(self, target: str, visitor: str, began: float, answer: Answer) -> None:
        """Remember an answer that has just come."""
        self.latencies.append(time.monotonic() - began)
        if answer.status != 200:
            self.failed += 1
            return
        bodies = self.seen.setdefault((target, visitor), {})
        sighting = bodies.get(digest := hash(answer.body))
        if sighting is None:
            sighting = bodies[digest] = Sighting(answer.body)
        sighting.began.append(began)

    def __iadd__(self, other: Record) -> Record:
        """Go on as another load did, that was made after it: it is a part of this one from now on."""
        self.latencies.extend(other.latencies)
        self.seconds += other.seconds
        self.failed += other.failed
        for pair, bodies in other.seen.items():
            mine = self.seen.setdefault(pair, {})
            for digest, sighting in bodies.items():
                mine.setdefault(digest, Sighting(sighting.body)).began.extend(sighting.began)
        return self


async def read(
    addresses: Sequence[tuple[str, int]],
    visits: Iterator[tuple[str, str]],
    cookies: Mapping[str, str],
    seconds: float,
    connections: int = 16,
) -> Record:
    """Visit for some seconds, or until there are no more visits, over connections that are spread over the addresses.

    The visits are asked for in their order, and each that is begun is answered.
    """
    record, started = Record(), time.monotonic()

    async def reader(connection: Connection) -> None:
        try:
            for target, visitor in visits:
                began = time.monotonic()
                if began >= started + seconds:
                    return
                answer = await connection.get(target, cookies.get(visitor, ""))
                record.add(target, visitor, began, answer)
        finally:
            await connection.close()

    async with asyncio.TaskGroup() as group:
        for number in range(connections):
            group.create_task(reader(Connection(addresses[number % len(addresses)])))
    record.seconds = time.monotonic() - started
    return record


async def fetch(
    addresses: Sequence[tuple[str, int]],
    wanted: Sequence[tuple[str, str]],
    cookies: Mapping[str, str],
    seconds: float,
) -> Record:
    """Ask for these pages and visitors once each; what was not begun after `seconds` is left out."""
    record, started, queue = Record(), time.monotonic(), iter(wanted)

    async def reader(connection: Connection) -> None:
        try:
            for target, visitor in queue:
                began = time.monotonic()
                if began > started + seconds:
                    return
                answer = await connection.get(target, cookies.get(visitor, ""))
                record.add(target, visitor, began, answer)
        finally:
            await connection.close()

    async with asyncio.TaskGroup() as group:
        for address in addresses:
            group.create_task(reader(Connection(address)))
    record.seconds = time.monotonic() - started
    return record
