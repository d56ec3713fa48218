"""The command `watch`: follow a database, look at what watches it, or end that."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import NamedTuple, Protocol

import typer

import afresh
from afresh.cli import seeing
from afresh.db.watch import Slot, SlotState, Status, Versions, VersionTable, Watcher
from afresh.db.watch.asking import Asker, connector
from afresh.db.watch.check import findings

_EVERY = 10.0  # seconds between two lines
_LOOK = 0.05  # seconds between two looks into a table of versions


class Watched(NamedTuple):
    """What the command line says of a database; see `Watcher`."""

    url: str
    slot: str
    publication: str
    name: str
    volatile: Sequence[str]
    full: str
    poll: float | None
    triggers: bool = False

    def watcher(self, caches: Iterable[afresh.Cache]) -> Watcher | Versions:
        """What follows it."""
        if self.triggers:
            versions = Versions(
                self.url,
                *caches,
                database=self.name,
                volatile=volatile_of(self.volatile),
                every=self.poll or _LOOK,
                tell=typer.echo,
            )
            return versions.create()
        return Watcher(
            self.url,
            *caches,
            slot=self.slot,
            publication=self.publication,
            database=self.name,
            volatile=volatile_of(self.volatile),
            full=self.full,
            poll=self.poll,
            tell=typer.echo,
        )

    def check(self) -> bool:
        """See `check`."""
        return check(self)

    def drop(self) -> None:
        """See `drop`."""
        drop(self)


class Follower(Protocol):
    """What follows a database, whichever it is."""

    status: Status

    def run(self) -> None:
        """Follow until told to stop."""

    def stop(self) -> None:
        """Stop it."""


class Followed(Protocol):
    """What the command line says of a database, whichever it is."""

    def watcher(self, caches: Iterable[afresh.Cache]) -> Follower:
        """What follows it."""


def follow(watched: Followed, caches: Iterable[afresh.Cache]) -> None:
    """Follow until Ctrl-C or SIGTERM, and say every now and then how it goes."""
    with _told():
        watcher = watched.watcher(caches)
    stop = watcher.end if isinstance(watcher, Versions) else watcher.stop
    ended = threading.Event()
    teller = threading.Thread(target=_tell, args=(watcher.status, ended), daemon=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop())
    teller.start()
    try:
        watcher.run()
    finally:
        ended.set()
        teller.join()
    typer.echo(line(watcher.status))


def _tell(status: Status, ended: threading.Event) -> None:
    last = ""
    pause = 0.1  # that it follows is said soon
    while not ended.wait(pause):
        now = line(status)
        if now != last and status.state != "starting":
            typer.echo(now)
            last, pause = now, _EVERY


def line(status: Status) -> str:
    """How a watcher is, in one line."""
    reason = status.reason.partition("\n")[0]  # drivers add advice of several lines, which is said once
    parts = [status.state + (f" ({reason})" if reason else "")]
    parts.append(f"{status.transactions:,} transactions of {status.rows:,} rows, {status.tags:,} tags")
    if status.lags:
        parts.append(f"lag {status.lag() * 1000:.1f} ms, p99 {status.lag(0.99) * 1000:.1f} ms")
    if status.slot is not None:
        parts.append(kept(status.slot))
    return "; ".join(parts)


def kept(state: SlotState) -> str:
    """How much of its log the server keeps for a slot."""
    safe = "" if state.safe is None else f", lost after {_bytes(state.safe)} more"
    return f"{_bytes(state.behind)} behind, {_bytes(state.retained)} of log kept{safe}"


def check(watched: Watched) -> bool:
    """Print how a slot, or the table of versions, is and what is wrong; says whether nothing is."""
    if watched.triggers:
        with _asking(watched.url) as asker:
            found = list(VersionTable(asker).findings())
        seeing.show_findings(found)
        return all(each.severity != "error" for each in found)
    slot = Slot(watched.slot, watched.publication)
    with _asking(watched.url) as asker:
        state = slot.look(asker)
        found = list(findings(asker, slot))
    if state is not None:
        typer.echo(f"slot {slot.name}: {'read now' if state.active else 'not read now'}; {kept(state)}")
    seeing.show_findings(found)
    return all(each.severity != "error" for each in found)


def drop(watched: Watched) -> None:
    """Drop slot, publication and triggers, or the table of versions."""
    if watched.triggers:
        with _asking(watched.url) as asker:
            VersionTable(asker).drop()
        typer.echo("dropped: the table of versions, and the triggers that write it")
        return
    slot = Slot(watched.slot, watched.publication)
    with _asking(watched.url) as asker:
        slot.drop(asker)
    typer.echo(f"dropped: slot {slot.name}, publication {slot.publication}, event triggers")


@contextmanager
def _asking(url: str) -> Iterator[Asker]:
    """A connection for questions, whose trouble is told in a line."""
    with _told(), closing(Asker(connector(url))) as asker:
        yield asker


@contextmanager
def _told() -> Iterator[None]:
    """Trouble of a driver is told in a line."""
    try:
        yield
    except afresh.AfreshError:
        raise
    except Exception as error:
        raise afresh.BackendError(str(error).strip()) from error


def volatile_of(written: Iterable[str]) -> dict[str, list[str]]:
    """Volatile columns, from `table.column`.

    Raises:
        ConfigurationError: One is written otherwise.
    """
    found: dict[str, list[str]] = {}
    for each in written:
        table, dot, column = each.rpartition(".")
        if not dot:
            raise afresh.ConfigurationError(f"--volatile {each}: write TABLE.COLUMN.")
        found.setdefault(table, []).append(column)
    return found


def _bytes(number: int) -> str:
    size = float(number)
    for unit in ("bytes", "kB", "MB"):
        if size < 1024:
            return f"{size:,.0f} {unit}"
        size /= 1024
    return f"{size:,.1f} GB"
