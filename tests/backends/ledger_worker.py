"""A process with a ledger, for tests: it obeys one command per line and answers each with one line.

Run as `python ledger_worker.py FOLDER`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from afresh.backends.file.ledger.machine import MachineLedger
from afresh.runtime.drive import drive


def main(folder: Path) -> None:
    ledger = MachineLedger(folder, max_stale=0.05)
    print("ready", flush=True)
    for line in sys.stdin:
        command, *numbers = line.split()
        print(answer(ledger, command, [int(number) for number in numbers]), flush=True)


def answer(ledger: MachineLedger, command: str, numbers: list[int]) -> object:
    if command == "position":
        return ledger.position()
    if command == "epoch":
        return ledger.epoch
    if command == "confirm":
        return drive(ledger.confirm())
    if command == "announce":
        return drive(ledger.announce(numbers))
    if command == "intend":
        return drive(ledger.intend(numbers))
    if command == "valid":
        since, *tags = numbers
        return int(ledger.prove(frozenset(tags), since) is not None)
    if command == "hammer":
        return hammer(ledger, *numbers)
    if command == "freeze":
        return freeze(ledger, numbers)
    raise ValueError(command)


def hammer(ledger: MachineLedger, first: int, together: int) -> None:
    """Mark `together` tags at a time for ever, and say after each time which was the last."""
    while True:
        drive(ledger.announce(range(first, first + together)))
        first += together
        print(first - 1, flush=True)


def freeze(ledger: MachineLedger, tags: list[int]) -> int:
    """Announce, and stand still in the middle of it: published, but not yet in the slots."""
    log = ledger._mapping.log

    class Freezing(type(log)):  # type: ignore[misc]
        frozen = False

        def finish(self) -> None:
            if self.words[11] != self.words[12] and not Freezing.frozen:
                Freezing.frozen = True
                print("frozen", flush=True)
                time.sleep(3600.0 if not tags[1:] else 0.2)
            super().finish()

    ledger._mapping.log = Freezing(log.words)
    return drive(ledger.announce(tags[:1]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
