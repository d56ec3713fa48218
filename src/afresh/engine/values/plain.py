"""`get` and `set`: values put by hand. A write changes the cell, then marks the key.

Whoever made something from the old value finds out by the mark; the new value itself carries no
tag of its key, or it would be dropped by its own write.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from afresh.core.entry import NEVER, Facts
from afresh.core.tags import Dependency, hashed
from afresh.engine.asking.tracker import asking
from afresh.engine.changes.invalidate import mark
from afresh.engine.engine import Engine
from afresh.engine.names import carried_names
from afresh.engine.values.cells import ABSENT, PLAIN, Cell, Cells, MemoryCells, StoreCells
from afresh.engine.values.quick import NOT_SIMPLE, QuickValues
from afresh.errors import BackendError, UncacheableValue
from afresh.runtime.drive import drive

ABSTAIN: Any = object()
"""In place of a new value: leave everything as it is."""


class Plain:
    """Values set by hand in one cache.

    Args:
        engine: The cache.
        announced: A write of a value drops what was made from it. Where it doesn't (it saves a trip to the
            server that numbers invalidations), nothing that is made from such values is kept.
        declared: The type that the codec is told of on the short way of `get`.
    """

    def __init__(self, engine: Engine, *, announced: bool = True, declared: Any = Any) -> None:
        self._engine = engine
        self._announced = announced
        self._cells: Cells = MemoryCells(engine) if engine.store is None else StoreCells(engine)
        self._quick = QuickValues(engine, declared)

    def get_now(self, key: Hashable, default: Any) -> Any:
        """`get` for threads, by the short way if it can be had."""
        value = self._quick.get(key)
        if value is NOT_SIMPLE:
            return drive(self._long_get(key, default))
        return default if value is ABSENT else value

    async def get(self, key: Hashable, default: Any) -> Any:
        """The value at a key, or `default`."""
        value = await self._quick.get_async(key)
        if value is NOT_SIMPLE:
            return await self._long_get(key, default)
        return default if value is ABSENT else value

    async def _long_get(self, key: Hashable, default: Any) -> Any:
        value = await self._current(key)
        return default if value is ABSENT else value

    async def get_many(self, keys: Sequence[Hashable]) -> dict[Any, Any]:
        """The values that are there."""
        _check_many(keys)
        if not isinstance(self._cells, StoreCells) or not self._engine.mode.plain:
            found = {key: await self._current(key) for key in keys}
            return {key: value for key, value in found.items() if value is not ABSENT}
        for key in keys:
            self._note(key)
        try:
            cells = await self._cells.read_many(list(keys))
        except BackendError as error:
            self._engine.bypassed("", error)
            cells = {}
        for key, cell in cells.items():
            self._inherit(key, cell)
        self._count(len(cells), len(keys) - len(cells))
        return {key: cell.value for key, cell in cells.items()}

    async def set_many(self, values: Mapping[Any, Any], until: float, tags: Iterable[Dependency]) -> None:
        """Put values."""
        self._engine.check_open()
        for key, value in values.items():
            if hasattr(value, "__next__"):
                raise UncacheableValue(f"the value of {key!r} is an iterator, which can be read only once.")
        self._engine.awake()
        facts = self._facts(tags)
        await self._cells.write(values, facts, until)
        if self._announced:
            await self._mark(values)

    async def add(self, key: Hashable, value: Any, until: float, tags: Iterable[Dependency]) -> bool:
        """Put a value where there is no current one; says whether it did."""
        if await self._add_at_once(key, value, until, tags):
            return True
        added = False

        def change(old: Any) -> Any:
            nonlocal added
            added = old is ABSENT
            return value if added else ABSTAIN

        await self.mutate(key, change, until=until, tags=tags)
        return added

    async def _add_at_once(self, key: Hashable, value: Any, until: float, tags: Iterable[Dependency]) -> bool:
        """`add` in one trip, where nothing at all is there: not even what has expired or was dropped."""
        self._engine.check_open()
        self._engine.awake()
        nothing = Cell(ABSENT, NEVER, None, PLAIN, self._engine.ledger.position())
        facts = self._changed(key, nothing, self._names(tags))
        if not await self._cells.replace(key, nothing, value, facts, until):
            return False
        if self._announced:
            await self._mark((key,))
        return True

    async def incr(self, key: Hashable, by: int, initial: int, until: float) -> int:
        """Add to a number; one that isn't there counts from `initial` and lives until `until`."""
        for number in (by, initial):
            if isinstance(number, bool) or not isinstance(number, int):
                raise TypeError(f"incr({key!r}) counts in integers, not in {number!r}")

        def change(old: Any) -> Any:
            if old is not ABSENT and (isinstance(old, bool) or not isinstance(old, int)):
                raise TypeError(f"incr({key!r}): there is {old!r}, which is no integer")
            return (initial if old is ABSENT else old) + by

        result: int = await self.mutate(key, change, fresh_until=until)
        return result

    async def cell(self, key: Hashable) -> Cell:
        """What is at a key, with its expiry; `ABSENT` is its value where nothing current is.

        Raises:
            BackendError: The store doesn't answer.
        """
        self._engine.check_open()
        self._engine.awake()
        self._note(key)
        return await self._cells.read(key)

    async def touch(self, key: Hashable, until: float) -> bool:
        """Give a value another expiry; says whether it was there."""
        return await self.mutate(key, lambda old: old, until=until) is not ABSENT

    async def delete_many(self, keys: Sequence[Hashable]) -> int:
        """Remove values; says how many were there."""
        _check_many(keys)
        self._engine.check_open()
        self._engine.awake()
        count = await self._cells.remove(keys)
        await self._mark(keys)
        return count

    async def mutate(
        self,
        key: Hashable,
        change: Callable[[Any], Any],
        *,
        until: float | None = None,
        fresh_until: float = NEVER,
        tags: Iterable[Dependency] = (),
    ) -> Any:
        """Replace a value by `change(value)`, atomically among all processes, and return it.

        Args:
            key: Which value.
            change: Is given `ABSENT` where there is none; returns `ABSENT` to remove the value, or
                `ABSTAIN` to leave everything as it is. It may be called several times, when others
                write at the same moment.
            until: The new expiry; `None` keeps the one there is, or
            fresh_until: is that of a value which was not there.
            tags: What the new value is made from.
        """
        self._engine.check_open()
        self._engine.awake()
        names = self._names(tags)
        if not self._engine.backend.proven():
            # A value that can't be judged looks like none, and a counter would start anew.
            await self._engine.ledger.confirm()
        while True:
            cell = await self._cells.read(key)
            value = change(cell.value)
            if value is ABSTAIN or (value is ABSENT and cell.value is ABSENT):
                return value
            kept = fresh_until if cell.value is ABSENT else cell.until
            facts = self._changed(key, cell, names)
            if await self._cells.replace(key, cell, value, facts, kept if until is None else until):
                if self._announced:
                    await self._mark((key,))
                return value

    async def _current(self, key: Hashable) -> Any:
        self._engine.check_open()
        self._engine.awake()
        self._note(key)
        if not self._engine.serves():
            return ABSENT
        try:
            cell = await self._cells.read(key)
        except BackendError as error:
            self._engine.bypassed(str(key), error)
            return ABSENT
        self._count(cell.value is not ABSENT, cell.value is ABSENT)
        if cell.value is not ABSENT:
            self._inherit(key, cell)
        return cell.value

    def _count(self, hits: int, misses: int) -> None:
        self._engine.values.hits += hits
        self._engine.values.misses += misses

    def _names(self, tags: Iterable[Dependency]) -> list[str]:
        names = carried_names(tags, self._engine.names)
        self._engine.watched.add_keys(names)
        return names

    def _facts(self, tags: Iterable[Dependency]) -> Facts:
        names = self._names(tags)
        if not names and self._engine.store is None:
            return PLAIN
        stamp = self._engine.ledger.position()
        return Facts("", stamp, frozenset(map(hashed, names)), tuple(names), self._engine.now())

    def _changed(self, key: Hashable, cell: Cell, names: list[str]) -> Facts:
        """What a changed value carries: what the old one did, and more. Not the tag of its own key."""
        own = self._engine.names.of_user_key(key)
        tags = (cell.facts.tags | set(map(hashed, names))) - {hashed(own)}
        if not tags and self._engine.store is None:
            return PLAIN
        kept = tuple(name for name in dict.fromkeys((*cell.facts.names, *names)) if name != own)
        return Facts("", cell.at, tags, kept, self._engine.now())

    def _note(self, key: Hashable) -> None:
        """Whoever collects dependencies depends on this key, also when nothing is there."""
        tracker = asking()
        if tracker is not None:
            name = self._engine.names.of_user_key(key)
            self._engine.watched.add(name)
            # `clear` names no keys, and whoever reads may be of another namespace.
            tracker.depends_on(self._engine.ledger, (name, self._engine.names.everything))
            if not self._announced:
                tracker.refuse(f"it read {key!r}, whose changes are not announced")

    def _inherit(self, key: Hashable, cell: Cell) -> None:
        """… and on what the value depends on, and outlives neither it nor its parts."""
        tracker = asking()
        if tracker is not None:
            facts, until = cell.facts, cell.until
            part = Facts(
                str(key), cell.at, facts.tags, facts.names, facts.loaded_at, 0.0, until, until, until
            )
            tracker.saw(self._engine.ledger, part, cell.at)

    async def _mark(self, keys: Iterable[Hashable]) -> None:
        await mark(
            self._engine,
            self._engine.watched.among([self._engine.names.of_user_key(key) for key in keys]),
        )


def _check_many(keys: object) -> None:
    if isinstance(keys, (str, bytes)):
        raise TypeError(f"{keys!r} is one key: give a list of keys, [{keys!r}]")
