"""A process with a replica, for tests: it obeys one command per line and answers each with one line.

Run as `python replica_worker.py FOLDER SOCKET SLOTS`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from replica_wire import WireLog

from afresh.backends.replica.ledger import ReplicaLedger
from afresh.backends.replica.opening import open_replica
from afresh.core.events import Events
from afresh.runtime.clock import SYSTEM_CLOCK
from afresh.runtime.drive import drive


def main(folder: Path, socket: Path, slots: int) -> None:
    ledger = open_replica(WireLog(socket, slots), folder, Events(), SYSTEM_CLOCK)
    print("ready", flush=True)
    for line in sys.stdin:
        command, *numbers = line.split()
        print(answer(ledger, command, [int(number) for number in numbers]), flush=True)
    ledger.close()


def answer(ledger: ReplicaLedger, command: str, numbers: list[int]) -> object:
    if command == "position":
        return ledger.position()
    if command == "announce":
        return drive(ledger.announce(numbers))
    if command == "intend":
        return drive(ledger.intend(numbers))
    if command == "valid":
        since, *tags = numbers
        return int(ledger.prove(frozenset(tags), since) is not None)
    if command == "proven":
        return int(ledger.proven())
    if command == "follows":
        return int(ledger._follower.working)
    if command == "look":
        ledger.look_after()
        return int(ledger._follower.working)
    if command == "asleep":
        # Says when it woke, by the first proof that it is asked for then.
        before = time.monotonic()
        while time.monotonic() - before < 0.5:
            before = time.monotonic()
            time.sleep(0)
        since, *tags = numbers
        return int(ledger.prove(frozenset(tags), since) is not None)
    raise ValueError(command)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
