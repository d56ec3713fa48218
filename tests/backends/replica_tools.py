"""Helpers for tests of replicas: machines with one or several processes over a fake server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ledger_tools import A, B, C, announce, held, intend, settle, valid
from replica_server import Log, Server

from afresh.backends.replica.header import HIT
from afresh.backends.replica.ledger import ReplicaLedger
from afresh.backends.replica.opening import open_replica
from afresh.core.events import Events
from afresh.runtime.clock import SYSTEM_CLOCK
from afresh.testing.clock import FakeClock

__all__ = ["A", "B", "C", "Machine", "announce", "held", "hits", "intend", "settle", "valid"]


class Process:
    """One process of a machine; nobody follows but by `hear`.

    Attributes:
        log: Its way to the server.
        ledger: Its ledger.
        told: Reasons of the events that it told.
    """

    def __init__(self, machine: Machine, **options: Any) -> None:
        self.log: Log = machine.server.connect()
        self.log.waits = options.get("follow", False)
        self.told: list[str] = []
        events = Events()
        events.listen(lambda event: self.told.append(event.reason))
        clock = SYSTEM_CLOCK if machine.clock is None else machine.clock
        options = {"follow": False, **options}
        self.ledger: ReplicaLedger = open_replica(self.log, machine.folder, events, clock, **options)

    def hear(self) -> None:
        """One round of the follower's thread."""
        self.ledger._follower.listen()
        self.ledger._follower.tidy()

    def hits(self, checked_at: int) -> bool:
        """Whether a hit succeeds by its comparison alone."""
        return hits(self.ledger, checked_at)

    @property
    def copy(self) -> Any:
        return self.ledger._channel.copy()


class Machine:
    """Processes that share a folder (`None`: each has its own copy), and a clock."""

    def __init__(self, server: Server, folder: Path | None = None, clock: FakeClock | None = None) -> None:
        self.server = server
        self.folder = folder
        self.clock = clock
        self.processes: list[Process] = []

    def process(self, **options: Any) -> Process:
        self.processes.append(Process(self, **options))
        return self.processes[-1]

    def close(self) -> None:
        for process in self.processes:
            process.ledger.close()


def hits(ledger: ReplicaLedger, checked_at: int) -> bool:
    return bool(ledger.cell.cell_contents[HIT] == checked_at)
