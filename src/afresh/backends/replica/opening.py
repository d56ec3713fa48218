"""Open a ledger over a server's log."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from afresh.backends.file.folder import ledger_folder
from afresh.backends.replica.channel import Channel
from afresh.backends.replica.copies import Copies, FileCopies, PrivateCopies
from afresh.backends.replica.follower import Follower
from afresh.backends.replica.ledger import ReplicaLedger, boot_time
from afresh.backends.replica.owners import ReplicaOwners
from afresh.backends.replica.remote import RemoteLog
from afresh.backends.replica.seats import FileSeats, OnlySeat, Seats
from afresh.backends.replica.spool import FileSpool, MemorySpool, Spool
from afresh.core.events import Events
from afresh.errors import BackendError, ConfigurationError
from afresh.runtime.clock import SYSTEM_CLOCK, Clock
from afresh.runtime.drive import drive

if TYPE_CHECKING:
    from afresh.backends.opening import Asked

_STOPPED = 0.75
"""A follower that gave no sign for this share of `max_stale` counts as stopped."""
_log = logging.getLogger("afresh")


def followed(
    remote: RemoteLog, identity: str, asked: Asked, otherwise: Callable[[], object]
) -> ReplicaLedger:
    """A ledger over `remote` for a cache that is being opened.

    Args:
        remote: The server's log.
        identity: The same for all who mean this log: names the folder in which this machine's processes meet.
        asked: What the cache is opened with.
        otherwise: Called where that fails, to give back what is open beside it.
    """
    try:
        return open_replica(
            remote,
            _folder(identity),
            asked.events,
            asked.clock,
            strict=asked.strict,
            max_stale=asked.max_stale,
        )
    except BaseException:
        remote.close()
        otherwise()
        raise


def _folder(identity: str) -> Path | None:
    """Where this machine's processes share their copy; `None` where nothing can be shared."""
    try:
        return ledger_folder(identity)
    except ConfigurationError:
        return None


def open_replica(
    remote: RemoteLog,
    folder: Path | None,
    events: Events,
    clock: Clock,
    *,
    strict: bool = False,
    max_stale: float = 1.0,
    follow: bool = True,
) -> ReplicaLedger:
    """Open a ledger whose truth is `remote`. A server that is down is no error: nothing is proven then.

    Args:
        remote: The server's log. It belongs to the ledger from now on, and is closed with it.
        folder: Of this ledger alone, shared by all processes of this machine that mean the same server
            and the same ledger; `None` for a process that shares with nobody.
        events: Who is told of what happens to the channel.
        clock: What tells the time; a test's clock is for all processes of its machine.
        strict: An invalidation that can't be delivered is an error.
        max_stale: Seconds without a word of the server after which nothing is proven.
        follow: `False` where a test does what the follower's thread would do.
    """
    now = boot_time if clock is SYSTEM_CLOCK else clock.now
    shared = folder if folder is not None and _usable(folder) else None
    copies: Copies = PrivateCopies(remote.slots) if shared is None else FileCopies(shared, remote.slots)
    spool: Spool = MemorySpool() if shared is None else FileSpool(shared)
    seats: Seats = (
        OnlySeat() if shared is None else FileSeats(shared, now=now, stopped_after=_STOPPED * max_stale)
    )
    channel = Channel(remote, copies, spool, now=now, events=events)
    owners = ReplicaOwners(shared, now)
    follower = Follower(remote, channel, spool, owners, seats, now=now, max_stale=max_stale, threads=follow)
    ledger = ReplicaLedger(
        remote, channel, spool, owners, follower, now=now, strict=strict, max_stale=max_stale
    )
    if not ledger.proven():
        try:
            drive(channel.catch_up())
        except BackendError as error:
            channel.tell(f"not heard of, so nothing is served from memory until it is: {error}")
    follower.ensure()
    return ledger


def _usable(folder: Path) -> bool:
    """Whether this process can write there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        usable = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    except OSError:
        usable = False
    if not usable:
        _log.warning("%s can't be written: this process follows the ledger's server for itself", folder)
    return usable
