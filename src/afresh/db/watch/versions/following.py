"""The database's side of `Versions`: where in the table of versions it is, and by which schema it reads it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping

from afresh.db.watch.asking import Asker, Connect, Server
from afresh.db.watch.versions.marking import add, fits
from afresh.db.watch.versions.reading import Change, News, news
from afresh.db.watch.versions.snapshot import Snapshot
from afresh.db.watch.versions.table import VersionTable
from afresh.errors import ConfigurationError
from afresh.sql import postgres_schema
from afresh.sql.tags.bounds import Bounded
from afresh.sql.tags.changes import Changes

_TRIM = 1.0  # seconds between two steps of deleting what is old
_STEP = 200  # rows of one step

_of_parents: list[Asker] = []  # connections that a fork has copied: to end them here would end them there


class Following:
    """A place in the table of versions.

    Args:
        connect: Opens a connection.
        database: The database's name in tags.
        volatile: Volatile columns, by table.
        kept: Seconds for which changes are kept.

    Attributes:
        seen: What was announced; None: nothing is known.
        server: Which life of which server that was.
    """

    def __init__(
        self,
        connect: Connect,
        database: str,
        volatile: Mapping[str, Collection[str]] | None,
        kept: float,
    ) -> None:
        self.seen: Snapshot | None = None
        self.server: Server | None = None
        self._connect = connect
        self._database = database
        self._volatile = volatile
        self._kept = kept
        self._asker: Asker | None = None
        self._table: VersionTable
        self._changes: Changes
        self._told = True
        self._generation = ""
        self._uncovered: list[str] = []
        self._odd: set[tuple[str, str]] = set()
        self._moved: set[str] | None = None
        self._trimmed = 0.0

    # -- looking ------------------------------------------------------------------------------------

    def look(self) -> News:
        """What is new since `seen`. It stays new until `done` is called; `open` comes before it."""
        assert self._asker is not None
        found = news(self._asker, self.seen)
        if self._strange(found.changes):
            self._renew()
        return found

    def done(self, found: News) -> None:
        """All of it is announced."""
        self.seen, self._moved = found.snapshot, None
        now = time.monotonic()
        if now - self._trimmed >= _TRIM and self._table.trim(self._kept, _STEP) < _STEP:
            self._trimmed = now

    def marks(self, changes: Iterable[Change]) -> tuple[list[str], str]:
        """The tags of some changes, and why it may be any table, empty if it isn't."""
        marks, everything = Bounded(self._database), ""
        for each in changes:
            everything = add(each, self._changes, marks) or everything
        schema: list[str] = []
        if self._moved is not None:
            marks.add(self._changes.whole(sorted(self._moved)))
            schema.append(self._schema)
        return [*marks.names(), *schema], everything

    def uncovered(self) -> list[str]:
        """The tags of tables whose changes nobody writes down: they may have changed at any time."""
        return [*self._changes.whole(self._uncovered)]

    def everything(self) -> list[str]:
        """The tags of all tables."""
        return [*self._changes.everything(), self._schema]

    @property
    def _schema(self) -> str:
        return f"schema:{self._database}"

    # -- the schema ---------------------------------------------------------------------------------

    def _strange(self, changes: Iterable[Change]) -> bool:
        """Whether the schema may be another one than is known here."""
        if not self._told and (generation := self._table.generation()) != self._generation:
            self._generation = generation
            return True
        return any(
            each.operation == "schema"
            or ((each.schema, each.name) not in self._odd and not fits(each, self._changes))
            for each in changes
        )

    def _renew(self) -> None:
        assert self._asker is not None
        before = self._changes
        self._odd.clear()
        self._read_schema(before)
        self._moved = (self._moved or set()) | self._changes.differing(before)

    def _read_schema(self, before: Changes | None) -> None:
        assert self._asker is not None
        if not self._told:
            self._generation = self._table.generation()  # first: what changes meanwhile is seen next time
        catalogue = postgres_schema(self._asker.rows, volatile=self._volatile)
        self._changes = Changes(catalogue, self._database, before)
        self._uncovered = [self._changes.name(*each) for each in self._table.uncovered()]

    def is_odd(self, changes: Iterable[Change]) -> None:
        """These don't fit the schema, which was just read: they are told as whole tables from now on."""
        self._odd.update((each.schema, each.name) for each in changes if not fits(each, self._changes))

    # -- the connection -----------------------------------------------------------------------------

    def open(self) -> None:
        """Connect, if that isn't done. In another life of the server nothing is known of what was seen.

        Raises:
            ConfigurationError: There is no table of versions.
        """
        if self._asker is not None:
            return
        asker = Asker(self._connect)
        try:
            self._asker, self._table = asker, VersionTable(asker)
            if not self._table.there():
                raise ConfigurationError(
                    "this database has no table of versions: make it once, by Versions.create() or"
                    " `afresh watch … --triggers`."
                )
            server = asker.server()
            if server != self.server:
                self.server, self.seen = server, None
            self._told = self._table.told()
            self._read_schema(getattr(self, "_changes", None))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the connection."""
        asker, self._asker = self._asker, None
        if asker is not None:
            asker.close()

    def after_fork(self) -> None:
        """The connection is the parent's."""
        if self._asker is not None:
            _of_parents.append(self._asker)
            self._asker = None
