"""Open the parts of the shared backend of one machine: ledger, store and leases in one folder."""

from __future__ import annotations

import logging
from pathlib import Path
from types import CellType

from afresh.backends import Backend
from afresh.backends.file.control import FileControl
from afresh.backends.file.folder import machine_folder
from afresh.backends.file.leases import FileLeases
from afresh.backends.file.ledger.machine import MachineLedger
from afresh.backends.file.store.store import FileStore
from afresh.core.events import Events
from afresh.errors import ConfigurationError
from afresh.runtime.clock import Clock

_log = logging.getLogger("afresh")


def open_machine(root: Path, events: Events, clock: Clock) -> Backend:
    """Open the folder that all processes of an application on this machine share.

    Raises:
        ConfigurationError: There is no folder that could be trusted.
    """
    folder = machine_folder(root)
    _log.info("entries are shared by the processes of this machine or container only, in %s", folder)
    return _open(folder, folder / "store.sqlite3", "", events, clock)


def open_file(path: Path, events: Events, clock: Clock) -> Backend:
    """Open a store in a file of the user's choice; what belongs to it lies in a folder beside it.

    Raises:
        ConfigurationError: There can be no such file or folder.
    """
    path = path.absolute()
    if not path.parent.is_dir():
        raise ConfigurationError(f"{path.parent} is not a folder: make it, or choose another place.")
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder: name a file in it, such as {path / 'cache.sqlite3'}.")
    beside = path.with_name(f"{path.name}.afresh")
    folder = machine_folder(path, {"AFRESH_DIR": str(beside)})
    return _open(folder, path, f"sqlite:///{path}", events, clock)


def _open(folder: Path, path: Path, url: str, events: Events, clock: Clock) -> Backend:
    ledger = MachineLedger(
        folder,
        on_remap=lambda mapped: setattr(words, "cell_contents", mapped),
        events=events,
    )
    words = CellType(ledger.words)
    store = FileStore(path, events=events, clock=clock)
    leases = FileLeases(folder)
    control = FileControl(folder)

    def close() -> None:
        store.close()
        leases.close()
        ledger.close()

    return Backend(
        url or f"machine:{folder}",
        ledger,
        store,
        leases,
        control,
        in_memory=False,
        words=words,
        begin=MachineLedger.begin,
        look_after=ledger.look_after,
        close=close,
    )
