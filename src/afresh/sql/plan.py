"""Plans: what one text of a statement depends on and changes, given its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from afresh.sql.schema.catalogue import Catalogue
from afresh.sql.shapes import Facts, Kind
from afresh.sql.tags.labels import labels
from afresh.sql.tags.marking import Image, Images, Marker
from afresh.sql.tags.reading import Carry, reader
from afresh.sql.text.holes import Parameters
from afresh.sql.text.shape import Shaped
from afresh.sql.trees.images import OldImage
from afresh.sql.trees.upserts import upsert_image


class Plan:
    """What a statement depends on and changes.

    Args:
        facts: What its shape says.
        shaped: The text, divided; None if it couldn't be.
        catalogue: For writes whose reach isn't known.
        database: The database's name in tags.
        paramstyle: How parameters stand in the text.
        locks: The database locks rows when it is asked to: `old_image` asks.

    Attributes:
        facts: What its shape says: its kind, why it can't be cached, whether it depends on the clock.
        aged: The result's age has to be bounded: by the text alone it depends on the time, or it reads
            volatile columns.
        harmless: It only reads, and changes nothing about its connection.
        step: It begins or ends a transaction, or a part of one.
        carried: Given the parameters, the names of the tags that a reader carries. Only the tables'
            own: what `facts.uncacheable` and `facts.clock` say comes on top.
    """

    def __init__(
        self,
        facts: Facts,
        shaped: Shaped | None,
        catalogue: Catalogue,
        database: str,
        paramstyle: str,
        *,
        locks: bool = False,
    ) -> None:
        self.facts = facts
        self._shaped = shaped
        self._catalogue = catalogue
        self._database = database
        self._paramstyle = paramstyle
        self._locks = locks
        holes = shaped.holes if shaped is not None else ()
        self.carried: Carry = reader(facts.reads, holes)
        self._markers = [Marker(write, holes, database) for write in facts.writes]
        self.aged = facts.clock or any(read.volatile for read in facts.reads)
        self._inserts = any(write.operation == "upsert" for write in facts.writes)
        self.step = facts.kind == "transaction"
        self.harmless = facts.kind in {"read", "other"} and not self.writes

    @property
    def kind(self) -> Kind:
        """The sort of statement."""
        return self.facts.kind

    @property
    def uncacheable(self) -> str:
        """Why the result can't be kept; empty if it can."""
        return self.facts.uncacheable

    @property
    def clock(self) -> bool:
        """The result depends on the time, by the text alone (see `afresh.sql.text.clock` for parameters)."""
        return self.facts.clock

    @property
    def volatile(self) -> bool:
        """Volatile columns are read: the result's age has to be bounded."""
        return any(read.volatile for read in self.facts.reads)

    @property
    def effects_unknown(self) -> str:
        """Why any table may have been changed; empty if not."""
        return self.facts.everything

    @property
    def writes(self) -> bool:
        """It may change tables."""
        return bool(self._markers or self.facts.whole or self.facts.everything)

    @cached_property
    def reshapes(self) -> bool:
        """It may change the schema: DDL, several statements, or nobody knows what."""
        if self.facts.kind == "read":
            return False
        unknown = bool(self.facts.everything) and self.facts.uncacheable != "it writes"
        tokens = () if self._shaped is None else self._shaped.tokens[:-1]
        return self.facts.kind == "schema" or unknown or any(token.text == ";" for token in tokens)

    def dependency(self, parameters: Parameters = ()) -> Carried:
        """What a reader depends on, for `cache.depends_on`."""
        return Carried(self.carried(parameters))

    def marked(
        self,
        parameters: Parameters = (),
        *,
        old: Sequence[Image] | None = None,
        new: Sequence[Image] | None = None,
        count: int | None = None,
    ) -> tuple[str, ...]:
        """The names of the tags that the write marks.

        Args:
            parameters: Of the execution.
            old: All rows that it found, as they were: the answer to `old_image`, read within the
                transaction before it.
            new: All rows that it left, with any of their columns: RETURNING, or the number of a
                single inserted row.
            count: How many rows it changed. If these are more than `old`, `old` isn't all of them
                and isn't believed.
        """
        if old is not None and count is not None and count > len(old) and not self._inserts:
            old = None
        if len(self._markers) > 1:
            old = new = None  # nobody knows whose rows they are
        images = Images(old, new)
        found = dict.fromkeys(name for marker in self._markers for name in marker.marks(parameters, images))
        found.update(dict.fromkeys(self._whole()))
        return tuple(found)

    @property
    def numbered(self) -> str:
        """The column whose value the driver tells as `lastrowid`, after one row was inserted; else empty.

        An INSERT that may update another row instead is none: `lastrowid` is that of an earlier one then.
        """
        if len(self.facts.writes) != 1 or self.facts.writes[0].operation != "insert":
            return ""
        return next((each.name for each in self.facts.writes[0].table.columns if each.numbered), "")

    def _whole(self) -> Iterator[str]:
        for name in self.facts.whole:
            yield from labels(self._database, name).whole
        if self.facts.everything:
            for table in self._catalogue.tables():
                yield from labels(self._database, table.name).whole

    @cached_property
    def old_image(self) -> OldImage | None:
        """The query for the rows that the write is about to change, or None if it needs none or has none."""
        if len(self._markers) != 1 or self._shaped is None:
            return None
        write, shaped = self.facts.writes[0], self._shaped
        if write.operation == "upsert":
            return None if self._locks else upsert_image(write, shaped.holes, self._paramstyle)
        return OldImage.of(write, shaped, self._paramstyle, lock=self._locks)


class Carried:
    """A dependency on what a statement read.

    Args:
        names: Of the tags that it carries.
    """

    __slots__ = ("names",)

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def carried(self) -> Iterator[str]:
        """The names of the tags that a reader carries."""
        yield from self.names

    def marked(self) -> Iterator[str]:
        """Nothing: a read marks no tags."""
        yield from ()
