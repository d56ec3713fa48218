"""Where entries live and where invalidations are numbered: one room for each kind of place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from afresh.core.ports import Leases, Ledger, Store


class Control(Protocol):
    """Where the mode of a namespace is written for every process."""

    def write(self, namespace: str, mode: str) -> None:
        """Tell every process."""

    def changed(self, namespace: str) -> str | None:
        """The mode, if it was written since the last call that returned it."""


def _nothing() -> None:
    return None


@dataclass(slots=True)
class Backend:
    """The parts of one backend, opened together.

    Attributes:
        url: Where it is, without secrets.
        ledger: Numbers the invalidations.
        store: Keeps envelopes outside this process; `None` when nothing leaves it.
        leases: One load among processes; `None` when there is only this one.
        control: Where the mode is shared; `None` when there is only this process.
        in_memory: The ledger is this process's own.
        words: Gives the mapped words of the machine's ledger, and
        begin: the index of the word that hits compare with.
        tick: Moves a ledger in memory by one number, since time may have expired something.
        remapped: Called with the new words when the ledger has begun a new life in another file.
        look_after: Called every now and then, for housekeeping.
        close: Gives back what is held open.
    """

    url: str
    ledger: Ledger
    store: Store | None = None
    leases: Leases | None = None
    control: Control | None = None
    in_memory: bool = True
    words: Callable[[], memoryview] | None = None
    begin: int = 0
    remapped: list[Callable[[memoryview], object]] = field(default_factory=list)
    tick: Callable[[], object] = _nothing
    look_after: Callable[[], object] = _nothing
    close: Callable[[], object] = _nothing
