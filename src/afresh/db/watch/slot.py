"""The replication slot and the publication: made, looked at, dropped.

A slot keeps the log from where its watcher was, also while no watcher runs. That is why nothing is
missed, and why one that is never watched again fills the disk: `max_slot_wal_keep_size` bounds it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from afresh.db.watch.asking import Asker, identifier, quoted, state_of
from afresh.db.watch.schema import TRIGGERED, TRIGGERS, schema_dropped, schema_sql
from afresh.errors import ConfigurationError

_TABLES = """
    SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
KEYLESS = f"""{_TABLES} AND (c.relreplident = 'n' OR (c.relreplident = 'd'
    AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary))) ORDER BY 1
"""  # noqa: S608
"""Tables of which nobody could say which row was changed."""

COARSE = f"{_TABLES} AND c.relreplident IN ('d', 'i') ORDER BY 1"
"""Tables of whose old rows only a key is logged."""

_FORBIDDEN = "42501"


class Taken(RuntimeError):
    """Another watcher has the slot."""


@dataclass(frozen=True, slots=True)
class SlotState:
    """How a slot is.

    Attributes:
        active: Somebody reads it.
        lost: The server has thrown away what it was to keep.
        confirmed: The position up to which everything was announced.
        behind: Bytes of log behind the server's end that nobody confirmed.
        retained: Bytes of log that the server keeps for it.
        safe: Bytes that may be written until it is lost; None: any number.
    """

    active: bool
    lost: bool
    confirmed: int
    behind: int
    retained: int
    safe: int | None


class Slot:
    """A slot of one database, and its publication.

    Args:
        name: The slot's, one for each watcher: it is unique in the whole cluster.
        publication: The publication's.

    Raises:
        ConfigurationError: A slot can't have that name.
    """

    def __init__(self, name: str = "afresh", publication: str = "afresh") -> None:
        if not re.fullmatch(r"[a-z0-9_]{1,63}", name):
            raise ConfigurationError(f"slot {name!r}: a slot's name has a-z, 0-9 and _, at most 63 of them.")
        self.name = name
        self.publication = publication

    @property
    def options(self) -> dict[str, str]:
        """What `pgoutput` is asked for."""
        return {
            "proto_version": "1",
            "publication_names": identifier(self.publication),
            "messages": "true",
        }

    def take(self, asker: Asker) -> None:
        """Be the one watcher of this slot for as long as the connection lives.

        Raises:
            Taken: Another one is.
        """
        if not asker.value(f"SELECT pg_try_advisory_lock(hashtext({quoted('afresh watch ' + self.name)}))"):
            raise Taken(f"the slot {self.name} is read by another watcher")

    def look(self, asker: Asker) -> SlotState | None:
        """How the slot is; None if there is none."""
        found = asker.rows(
            "SELECT active, coalesce(wal_status = 'lost', false) OR restart_lsn IS NULL,"  # noqa: S608
            " (coalesce(confirmed_flush_lsn, '0/0') - '0/0'::pg_lsn)::bigint,"
            " coalesce(pg_current_wal_lsn() - confirmed_flush_lsn, 0)::bigint,"
            " coalesce(pg_current_wal_lsn() - restart_lsn, 0)::bigint, safe_wal_size::bigint"
            f" FROM pg_replication_slots WHERE slot_name = {quoted(self.name)}"
        )
        return SlotState(*found[0]) if found else None

    def published(self, asker: Asker) -> bool:
        """Whether the publication is there."""
        return bool(asker.rows(f"SELECT 1 FROM pg_publication WHERE pubname = {quoted(self.publication)}"))  # noqa: S608

    def create(self, asker: Asker, *, full: str = "") -> bool:
        """Make what is missing; says whether the slot is new.

        Args:
            asker: A connection of a role that may (REPLICATION; a superuser for all tables and for
                what tells of changes of the schema).
            full: Tables whose whole old rows are logged from now on (REPLICA IDENTITY FULL):
                `keyless`: of those that have no key; `all`: of all.

        Raises:
            ConfigurationError: There are tables without a key, and nothing was said of them; or another
                database of the cluster has a slot of this name.
            Taken: It has to be made anew, but another watcher reads it.
        """
        self._identify(asker, full)
        published = self.published(asker)
        if not published:
            asker.rows(f"CREATE PUBLICATION {identifier(self.publication)} FOR ALL TABLES")
        self._tell_schema(asker)
        self._own(asker)
        state = self.look(asker)
        if state is not None and published and not state.lost:
            return False
        self.renew(asker)  # the log from before a publication can't be read by it
        asker.rows(f"SELECT 1 FROM pg_create_logical_replication_slot({quoted(self.name)}, 'pgoutput')")  # noqa: S608
        return True

    def renew(self, asker: Asker) -> None:
        """Drop a slot that can't be read any more, so that `create` makes another.

        Raises:
            Taken: Another watcher reads it, so it can be read.
        """
        state = self.look(asker)
        if state is not None and state.active:
            raise Taken(f"the slot {self.name} is read by another watcher")
        if state is not None:
            self._drop_slot(asker)

    def drop(self, asker: Asker) -> None:
        """Drop everything that `create` made, except replica identities."""
        self.renew(asker)
        asker.rows(f"DROP PUBLICATION IF EXISTS {identifier(self.publication)}")
        for statement in schema_dropped():
            asker.rows(statement)

    def _drop_slot(self, asker: Asker) -> None:
        asker.rows(f"SELECT pg_drop_replication_slot({quoted(self.name)})")

    def _own(self, asker: Asker) -> None:
        other = asker.value(
            "SELECT database FROM pg_replication_slots"  # noqa: S608
            f" WHERE slot_name = {quoted(self.name)} AND database <> current_database()"
        )
        if other is not None:
            raise ConfigurationError(
                f"slot {self.name!r} is one of the database {other!r}: choose another name, as slots are unique"
                " in the whole cluster."
            )

    @staticmethod
    def _tell_schema(asker: Asker) -> None:
        try:
            for statement in schema_sql(there=asker.value(TRIGGERED) == len(TRIGGERS)):
                asker.rows(statement)
        except Exception as error:
            if state_of(error) != _FORBIDDEN:
                raise  # who may not, hears of it from `check`

    @staticmethod
    def _identify(asker: Asker, full: str) -> None:
        keyless = [str(row[0]) for row in asker.rows(KEYLESS)]
        if keyless and not full:
            raise ConfigurationError(
                f"{', '.join(keyless)}: no primary key, so once it is watched PostgreSQL would refuse UPDATE and"
                " DELETE there. Give the table a key, or log its whole old rows (ALTER TABLE … REPLICA IDENTITY"
                " FULL): full='keyless' does that."
            )
        coarse = [str(row[0]) for row in asker.rows(COARSE)] if full == "all" else []
        for table in [*keyless, *coarse]:
            asker.rows(f"ALTER TABLE {table} REPLICA IDENTITY FULL")
