"""From messages to what each transaction marks. Pure: a transaction of any length is a bounded number of tags."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from afresh.db.watch import pgoutput
from afresh.db.watch.pgoutput import Begin, Change, Commit, Note, Relation, Truncate, Values
from afresh.db.watch.schema import ANNOUNCED, OURS, PREFIX, Told, epochs, reached, told
from afresh.sql.schema.catalogue import Table
from afresh.sql.tags.bounds import Bounded
from afresh.sql.tags.changes import Changes


@dataclass(slots=True)
class Transaction:
    """What a transaction changed.

    Args:
        xid: The lower half of its number.
        committed: When, by the server's clock.
        marks: The tags.
        schema: It changed the schema.
        everything: Why any table may have changed; empty if not.
        announced: The ledgers, by their epochs, in which whoever made it announces it.
        rows: How many rows came, went or changed.
        end: The position behind it.
    """

    xid: int
    committed: float
    marks: Bounded
    schema: bool = False
    everything: str = ""
    announced: frozenset[int] = frozenset()
    rows: int = 0
    end: int = 0
    whole: set[str] = field(default_factory=set)  # tables of which every further row says nothing new


class Transactions:
    """Puts messages together.

    Args:
        renew: Reads the schema again, and gives what changes mark by it.
        changes: What they mark by the schema as it is.
        database: The database's name in tags.
    """

    def __init__(self, renew: Callable[[], Changes], changes: Changes, database: str = "") -> None:
        self.changes = changes
        self._renew = renew
        self._database = database
        self._relations: dict[int, Relation] = {}
        self._agreeing: dict[int, Table | None] = {}
        self._ours: set[int] = set()
        self._open: Transaction | None = None

    @property
    def between(self) -> bool:
        """Whether no transaction is under way in the messages."""
        return self._open is None

    def renew(self) -> set[str]:
        """Read the schema again; names of the tables that are not what they were."""
        before = self.changes
        self._agreeing.clear()
        self.changes = self._renew()
        return self.changes.differing(before)

    def take(self, messages: Sequence[bytes]) -> Iterator[Transaction]:
        """Take messages; the transactions that they complete.

        Raises:
            Malformed: A message is none that is known.
        """
        for each in messages:
            message = pgoutput.parse(each)
            if isinstance(message, Begin):
                self._open = Transaction(message.xid, message.committed, Bounded(self._database))
            elif isinstance(message, Commit):
                if (done := self._open) is not None:
                    self._open, done.end = None, message.end
                    yield done
            else:
                self._inner(message)

    def _inner(self, message: pgoutput.Message) -> None:
        done = self._open
        if isinstance(message, Relation) and message.schema == OURS:
            self._ours.add(message.number)
        elif isinstance(message, Relation):
            self._told(message)
        elif done is None:
            return  # what isn't part of a transaction changes nothing
        elif isinstance(message, Change) and message.relation not in self._ours:
            done.rows += 1
            self._change(done, message)
        elif isinstance(message, Truncate):
            for number in set(message.relations) - self._ours:
                self._whole(done, self._name(number))
        elif isinstance(message, Note) and message.prefix == ANNOUNCED:
            done.announced |= epochs(message.content)
        elif isinstance(message, Note) and message.prefix == PREFIX:
            self._schema(done, told(message.content))

    def _told(self, relation: Relation) -> None:
        """A table is told before its first row, and again whenever something of it may have changed."""
        before = self._relations.get(relation.number)
        self._relations[relation.number] = relation
        self._agreeing.pop(relation.number, None)
        differing = self.renew() if before is not None or self._agreed(relation) is None else set()
        if before is not None and before != relation:
            differing |= {self.changes.name(each.schema, each.name) for each in (before, relation)}
        if self._open is not None and differing:
            self._open.schema = True
            for name in differing:
                self._whole(self._open, name)

    def _agreed(self, relation: Relation) -> Table | None:
        """The table, if the log and the schema know the same columns of it."""
        table = self.changes.table(relation.schema, relation.name)
        if table is None:
            return None
        stored = {each.name for each in table.columns if not each.generated}
        return table if stored <= {each.name for each in relation.columns} <= set(table.by_name) else None

    def _change(self, done: Transaction, change: Change) -> None:
        relation = self._relations[change.relation]
        name = self.changes.name(relation.schema, relation.name)
        if name in done.whole:
            return
        if change.relation not in self._agreeing:
            self._agreeing[change.relation] = self._agreed(relation)
        table = self._agreeing[change.relation]
        if table is None:
            self._whole(done, name)
            return
        old, new = change.rows(relation)
        if change.operation == "update" and old is None and new is not None:
            old = _key(relation, new)
        marked = self.changes.marked(table, change.operation, old, new)
        done.marks.add(marked)
        if done.marks.has_whole(name) or all(tag in marked for tag in self.changes.whole([name])):
            done.whole.add(name)

    def _whole(self, done: Transaction, name: str) -> None:
        done.whole.add(name)
        done.marks.add(self.changes.whole([name]))

    def _name(self, number: int) -> str:
        relation = self._relations[number]
        return self.changes.name(relation.schema, relation.name)

    def _schema(self, done: Transaction, tables: Sequence[Told]) -> None:
        done.schema = True
        names: set[str] = set(done.whole)
        done.everything = reached(tables, self.changes, names) or done.everything
        for name in names:
            self._whole(done, name)


def _key(relation: Relation, new: Values) -> Values:
    """The old row of an UPDATE that sent none: what identifies it hasn't changed."""
    return {each.name: new[each.name] for each in relation.columns if each.key and each.name in new}
