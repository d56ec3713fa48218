"""Values set by hand, one cell per key: in this process's memory, or in a store.

Both kinds read a cell with a token, and write it only if the token still stands, so every
read-modify-write of `plain` is one loop over compare-and-set.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from afresh.codecs.opened import Damaged, Opened
from afresh.core.entry import NEVER, Entry, Facts
from afresh.engine.asking.confirm import assure
from afresh.engine.engine import Engine
from afresh.engine.loading.look import catch_up, free

ABSENT: Any = object()
"""In place of a value: there is none, or it isn't current."""

PLAIN = Facts("", 0, soft=float("-inf"), stale_until=float("-inf"), error_until=float("-inf"))
"""Shared by all values without tags: they are fresh until their entry's `fresh_until`, then gone."""


class Cell(NamedTuple):
    """What is at a key.

    Attributes:
        value: The current value, or `ABSENT`.
        until: When it expires, in seconds since 1970.
        token: What a later write compares with.
        facts: What the value carries.
        at: The ledger's position before it was read.
    """

    value: Any
    until: float
    token: Any
    facts: Facts
    at: int


class Cells(Protocol):
    """Cells of one cache. A write returns `False` when another one came first."""

    async def read(self, key: Hashable) -> Cell:
        """What is at `key`."""

    async def write(self, values: Mapping[Any, Any], facts: Facts, until: float) -> None:
        """Put values, whatever is there. When it returns, every process sees them."""

    async def replace(self, key: Hashable, cell: Cell, value: Any, facts: Facts, until: float) -> bool:
        """Put a value (`ABSENT`: remove it) if the cell is as it was read."""

    async def remove(self, keys: Sequence[Hashable]) -> int:
        """Remove what is at `keys`; says how many current values were there."""


class MemoryCells:
    """Cells that are entries in this process's memory."""

    def __init__(self, engine: Engine) -> None:
        assert engine.l1 is not None
        self._engine = engine
        self._l1 = engine.l1
        self._space = engine.values.space

    async def read(self, key: Hashable) -> Cell:
        """What is at `key`."""
        at = self._engine.ledger.position()
        entry = self._space.get(key)
        if entry is None or not self._engine.usable(entry):
            return Cell(ABSENT, NEVER, entry, PLAIN, at)
        return Cell(entry.value, entry.fresh_until, entry, entry.facts, at)

    async def write(self, values: Mapping[Any, Any], facts: Facts, until: float) -> None:
        """Put values, whatever is there."""
        for key, value in values.items():
            self._l1.admit(self._entry(key, value, facts, until))

    async def replace(self, key: Hashable, cell: Cell, value: Any, facts: Facts, until: float) -> bool:
        """Put or remove a value if the same entry is still there."""
        new = None if value is ABSENT else self._entry(key, value, facts, until)
        return self._l1.swap(self._space, key, cell.token, new)

    async def remove(self, keys: Sequence[Hashable]) -> int:
        """Remove the entries at `keys`."""
        return sum(map(self._removed, keys))

    def _removed(self, key: Hashable) -> bool:
        entry = self._space.get(key)
        if entry is None:
            return False
        there = self._engine.usable(entry)
        self._l1.discard(entry)
        return there

    def _entry(self, key: Hashable, value: Any, facts: Facts, until: float) -> Entry:
        if facts is not PLAIN:
            facts = replace(
                facts, key=self._engine.names.full(key), soft=until, stale_until=until, error_until=until
            )
        entry = Entry(
            value, facts, self._space, key, fresh_until=until, checked_at=-self._engine.ledger.position()
        )
        self._engine.prove(entry, self._engine.now())
        return entry


class StoreCells:
    """Cells that are envelopes in a store."""

    def __init__(self, engine: Engine) -> None:
        assert engine.store is not None
        assert engine.sealer is not None
        self._engine = engine
        self._store = engine.store
        self._sealer = engine.sealer

    async def read(self, key: Hashable) -> Cell:
        """What is at `key`."""
        full = self._engine.names.full(key)
        at = self._engine.ledger.position()
        return await self._opened(full, await self._store.get(full), at)

    async def read_many(self, keys: list[Hashable]) -> dict[Hashable, Cell]:
        """What is at `keys`, where there is a current value."""
        names = {self._engine.names.full(key): key for key in keys}
        at = self._engine.ledger.position()
        assured = await assure(self._engine)
        envelopes = await self._store.get_many(list(names))
        cells = {
            names[full]: await self._opened(full, envelope, at, assured=assured)
            for full, envelope in envelopes.items()
        }
        return {key: cell for key, cell in cells.items() if cell.value is not ABSENT}

    async def write(self, values: Mapping[Any, Any], facts: Facts, until: float) -> None:
        """Put values, whatever is there.

        They are not left to be written later: their keys are marked next, and whoever reads after
        that must not find the old ones.
        """
        names = {self._engine.names.full(key): value for key, value in values.items()}
        envelopes = {full: self._sealed(full, value, facts, until) for full, value in names.items()}
        if len(envelopes) == 1:  # most often
            for full, envelope in envelopes.items():
                await self._store.put(full, envelope, stamp=facts.stamp, expires=until)
        else:
            await self._store.put_many(envelopes, stamp=facts.stamp, expires=until)
        await self._store.flush()

    async def replace(self, key: Hashable, cell: Cell, value: Any, facts: Facts, until: float) -> bool:
        """Put or remove a value if the same envelope is still there."""
        full = self._engine.names.full(key)
        new = None if value is ABSENT else self._sealed(full, value, facts, until)
        return await self._store.swap(full, cell.token, new, stamp=facts.stamp, expires=until)

    async def remove(self, keys: Sequence[Hashable]) -> int:
        """Delete the envelopes at `keys`, in one trip."""
        names = [*dict.fromkeys(map(self._engine.names.full, keys))]
        if len(names) == 1:  # most often, and dearer by the other way
            return int(await self._store.delete(names[0]))
        return await self._store.delete_many(names) if names else 0

    async def _opened(
        self, full: str, envelope: bytes | None, at: int, *, assured: bool | None = None
    ) -> Cell:
        absent = Cell(ABSENT, NEVER, envelope, PLAIN, at)
        if envelope is None:
            return absent
        opened = self._sealer.open(envelope, full)
        if isinstance(opened, Damaged):
            self._engine.damaged(full, opened.reason)
            return absent
        facts = opened.facts
        if facts.failed or self._engine.now() >= facts.soft or not await self._current(opened, assured):
            return absent
        return Cell(opened.value, facts.soft, envelope, facts, at)

    async def _current(self, opened: Opened, assured: bool | None) -> bool:
        """Whether nothing that a value was made from has changed; one without tags is its own truth."""
        if free(opened):
            return True
        if assured is None:
            assured = await assure(self._engine)
        await catch_up(self._engine, opened)
        ledger = self._engine.ledger
        return assured and opened.epoch == ledger.epoch and self._engine.provable(opened.facts) is not None

    def _sealed(self, full: str, value: Any, facts: Facts, until: float) -> bytes:
        # Written out: `replace` takes four times as long.
        own = Facts(
            full, facts.stamp, facts.tags, facts.names, facts.loaded_at, facts.cost, until, until, until
        )
        return self._sealer.seal(value, own, self._engine.ledger.epoch, pinned=True)
