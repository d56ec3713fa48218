"""Small worlds for the explorer: one ledger's words, a database, memories of processes, and their readers.

Every read of a word that can change and every write of one is a stop where others may go first.
Readers stop at reads and writers at writes only: a writer holds the lock, so what it reads nobody
else writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from afresh.core import words as w
from afresh.core.intents import Intents
from afresh.core.log import Log
from afresh.core.words import Layout, initialise
from afresh.testing.actors import block_here, pause_here

NAMES = {w.FLOOR: "FLOOR", w.STANDING: "STANDING", w.RESERVED: "RESERVED", w.BEGIN: "BEGIN", w.GIVEN: "GIVEN"}
START = 100
A, B, C = 0b1011, 0b1101, 0b1111  # all in one slot of two, so that each is blamed for the others
T = A


class ReaderWords:
    """The words as a reader without a lock meets them."""

    def __init__(self, words: list[int], layout: Layout) -> None:
        self._words = words
        self._layout = layout

    def __len__(self) -> int:
        return len(self._words)

    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self._words)))]  # type: ignore[misc]
        if index >= w.HEADER or index in NAMES:
            pause_here(f"read {self._name(index)}")
        return self._words[index]

    def __setitem__(self, index: int, word: int) -> None:
        raise AssertionError("a reader wrote")

    def _name(self, index: int) -> str:
        layout = self._layout
        if index >= layout.first_ring:
            return f"ring[{index - layout.first_ring}]"
        if index >= layout.first_slot:
            return f"slot[{index - layout.first_slot}]"
        return NAMES.get(index, f"cell[{index - w.HEADER}]")


class WriterWords(ReaderWords):
    """The words as the holder of the lock meets them."""

    def __init__(self, words: list[int], layout: Layout, wrote_begin: Callable[[int], None]) -> None:
        super().__init__(words, layout)
        self._wrote_begin = wrote_begin

    def __getitem__(self, index: int | slice) -> int | list[int]:
        return self._words[index]

    def __setitem__(self, index: int, word: int) -> None:
        pause_here(f"write {self._name(index)}")
        self._words[index] = word
        if index == w.BEGIN:
            self._wrote_begin(word)


class Disk:
    """The words of one ledger, who holds its lock, and what was truly marked.

    Attributes:
        words: As they are; nobody stops there.
        marks: (number, tag) of everything published; tag -1 for everything.
        dead: Who was killed.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        before: Iterable[int] = (),
        log: type[Log] = Log,
        intents: type[Intents] = Intents,
        locked: bool = True,
    ) -> None:
        self.layout = layout
        self.words = [0] * layout.total
        initialise(self.words, layout, epoch=1, start=START)  # type: ignore[arg-type]
        self.marks: list[tuple[int, int]] = []
        self.dead: set[str] = set()
        self._pending: list[tuple[int, int]] = []
        self._holder: str | None = None
        self._locked = locked
        disk = self

        class Recorded(log):  # type: ignore[misc, valid-type]
            def publish(self, tags: tuple[int, ...]) -> None:
                given = disk.words[w.GIVEN]
                disk._pending = list(enumerate(tags, given + 1))
                super().publish(tags)

        Log(self.words, layout).mark(list(before))  # type: ignore[arg-type]
        self.marks = list(enumerate(before, START + 1))
        self.reading = log(ReaderWords(self.words, layout), layout)
        self.reading_intents = intents(self.reading)
        self.writing = Recorded(WriterWords(self.words, layout, self._published), layout)
        self.writing_intents = intents(self.writing)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        if self._locked:
            block_here(lambda: self._holder is None, "lock")
            self._holder = name
        yield
        self._holder = None

    def on_kill(self, name: str) -> None:
        """A file lock ends with its process."""
        self.dead.add(name)
        if self._holder == name:
            self._holder = None

    def _published(self, begin: int) -> None:
        self.marks += [mark for mark in self._pending if mark[0] <= begin]
        self._pending = []

    def truly_marked(self, tags: frozenset[int], since: int, at: int) -> bool:
        return any(since < number <= at and (tag in tags or tag == -1) for number, tag in self.marks)


class Memory:
    """One process's memory: at most one entry, made from tag `T`. What a hit and a fill do.

    Attributes:
        value: The version that is held, or `None`.
        checked_at: The position at which it was proven.
    """

    def __init__(
        self,
        disk: Disk,
        database: Database,
        *,
        strict: bool = False,
        bystanders: int = 0,
        filled: bool = False,
    ) -> None:
        self.disk = disk
        self.database = database
        self.strict = strict
        self.value: int | None = 0 if filled else None
        self.checked_at = START
        # Tags that nobody marks: with few of them the slots are asked, with many the ring.
        self.tags = frozenset([T, *range(1_000, 1_000 + bystanders)])

    def read(self) -> int:
        """One read; fails when it is older than what was acknowledged before it began."""
        pause_here("a read begins")
        least = self.database.version if self.strict else self.database.acknowledged
        value = self._read()
        assert value >= least, f"read version {value} after {least}"
        return value

    def read_often(self, times: int) -> None:
        for _ in range(times):
            self.read()

    def _read(self) -> int:
        if self.value is not None:
            if self.checked_at == self.position():
                return self.value
            if self.recheck():
                return self.value
        return self.load()

    def position(self) -> int:
        return self.disk.reading.words[w.BEGIN]

    def recheck(self) -> bool:
        """The slow path of a hit; says whether the value may be served."""
        proven = self.disk.reading_intents.prove(self.tags, self.checked_at)
        if proven is None:
            return False
        at, held = proven
        if not held:
            self.checked_at = at
        return not (held and self.strict)

    def load(self) -> int:
        stamp = self.position()
        value = self.database.read()
        self.fill(value, stamp)
        return value

    def fill(self, value: int, stamp: int) -> None:
        proven = self.disk.reading_intents.prove(self.tags, stamp)
        if proven is not None and not proven[1]:
            self.value, self.checked_at = value, stamp


class Database:
    """One value with a version.

    Attributes:
        version: What a query finds.
        acknowledged: What was announced when a writer was told so.
    """

    def __init__(self) -> None:
        self.version = 0
        self.acknowledged = 0

    def read(self) -> int:
        pause_here("read the database")
        return self.version

    def commit(self) -> int:
        pause_here("commit")
        self.version += 1
        return self.version
