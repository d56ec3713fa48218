"""Where entries live and where invalidations are numbered: one room for each kind of place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CellType
from typing import Protocol

from afresh.core.ports import Leases, Ledger, Store


class Control(Protocol):
    """Where the mode of a namespace is written for every process."""

    def write(self, namespace: str, mode: str) -> None:
        """Tell every process."""

    def changed(self, namespace: str) -> str | None:
        """The mode, if it was written since the last call that returned it."""


def _always() -> bool:
    return True


def _never() -> bool:
    return False


def _nothing() -> None:
    return None


def in_turn(*acts: Callable[[], object]) -> Callable[[], None]:
    """One act after the other."""

    def all_of_them() -> None:
        for act in acts:
            act()

    return all_of_them


@dataclass(slots=True, eq=False)
class Backend:
    """The parts of one backend, opened together.

    Attributes:
        url: Where it is, without secrets.
        ledger: Numbers the invalidations.
        store: Keeps envelopes outside this process; `None` when nothing leaves it.
        leases: One load among processes; `None` when there is only this one.
        control: Where the mode is shared; `None` when there is only this process.
        in_memory: The ledger is this process's own.
        remote: Others may announce what is not seen here yet: `strict` has to confirm.
        proven: Says whether the ledger's server was heard of lately. While it was not, nothing in memory
            may be served without a look.
        waiting: Says whether something that was announced on this machine has no number yet, since it could
            not be delivered.
        words: A cell that holds the mapped words of the machine's ledger (others, after it began a
            new life in another file), and
        begin: the index of the word that hits compare with.
        tick: Moves a ledger in memory by one number, since time may have expired something.
        look_after: Called every now and then, for housekeeping.
        status: Counters and states that are known here without asking anybody.
        inspect: What `afresh stats` and `afresh doctor` tell of the server: names and values.
        close: Gives back what is held open.
    """

    url: str
    ledger: Ledger
    store: Store | None = None
    leases: Leases | None = None
    control: Control | None = None
    in_memory: bool = True
    remote: bool = False
    proven: Callable[[], bool] = _always
    waiting: Callable[[], bool] = _never
    words: CellType | None = None
    begin: int = 0
    tick: Callable[[], object] = _nothing
    look_after: Callable[[], object] = _nothing
    status: Callable[[], Mapping[str, object]] = dict
    inspect: Callable[[], Mapping[str, object]] = dict
    close: Callable[[], object] = _nothing
