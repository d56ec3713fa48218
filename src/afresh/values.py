"""Values set by hand: the part of `Cache` that is a dictionary shared by processes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from types import CellType
from typing import Any

from afresh.core.durations import Duration
from afresh.core.entry import Entry
from afresh.core.tags import Dependency
from afresh.engine.values.cells import ABSENT
from afresh.places import GIVEN, Opened
from afresh.runtime.drive import drive


class Values:
    """`get`, `set` and what belongs to them. Each write is atomic among all processes."""

    _opened: Opened
    _values: dict[Hashable, Entry]
    _position: CellType

    def get(self, key: Hashable, default: Any = None) -> Any:
        """The current value at a key, or `default`."""
        entry = self._values.get(key)
        if entry is not None and entry.checked_at is self._position.cell_contents:
            entry.hits += 1
            return entry.value
        return self._opened.place(key).plain.get_now(key, default)

    def get_many(self, keys: Sequence[Hashable]) -> dict[Any, Any]:
        """The current values that are there, by key."""
        found: dict[Any, Any] = {}
        for place, part in self._opened.divided(keys):
            found |= drive(place.plain.get_many(part))
        return found

    def set(
        self, key: Hashable, value: Any, ttl: Duration | None = GIVEN, *, tags: Iterable[Dependency] = ()
    ) -> None:
        """Put a value.

        For one that is made from something that changes, `get_or_load` is right: it knows when the
        value was read, `set` only when it was put.

        Raises:
            UncacheableValue: The codec can't carry it exactly.
            BackendError: The store could not take it.
        """
        place = self._opened.place(key)
        drive(place.plain.set_many({key: value}, place.until(ttl), tags))

    def set_many(
        self, values: Mapping[Any, Any], ttl: Duration | None = GIVEN, *, tags: Iterable[Dependency] = ()
    ) -> None:
        """Put several values (see `set`)."""
        for place, keys in self._opened.divided(values):
            drive(place.plain.set_many({key: values[key] for key in keys}, place.until(ttl), tags))

    def add(
        self, key: Hashable, value: Any, ttl: Duration | None = GIVEN, *, tags: Iterable[Dependency] = ()
    ) -> bool:
        """Put a value if there is no current one; says whether it did. Atomic."""
        place = self._opened.place(key)
        return drive(place.plain.add(key, value, place.until(ttl), tags))

    def delete(self, key: Hashable) -> bool:
        """Remove a value, and drop what was made from it; says whether it was there."""
        return drive(self._opened.place(key).plain.delete_many((key,))) > 0

    def delete_many(self, keys: Sequence[Hashable]) -> int:
        """Remove values; says how many were there."""
        return sum(drive(place.plain.delete_many(part)) for place, part in self._opened.divided(keys))

    def incr(self, key: Hashable, by: int = 1, *, initial: int = 0, ttl: Duration | None = GIVEN) -> int:
        """Add to a number and return it. Atomic.

        One that isn't there counts from `initial` and lives for `ttl`; one that is there keeps its
        expiry.

        Raises:
            TypeError: There is something else than an integer.
        """
        place = self._opened.place(key)
        return drive(place.plain.incr(key, by, initial, place.until(ttl)))

    def touch(self, key: Hashable, ttl: Duration | None = GIVEN) -> bool:
        """Give a value a new life of `ttl`; says whether it was there."""
        place = self._opened.place(key)
        return drive(place.plain.touch(key, place.until(ttl)))

    def mutate(
        self,
        key: Hashable,
        change: Callable[[Any], Any],
        *,
        default: Any = None,
        ttl: Duration | None = GIVEN,
    ) -> Any:
        """Replace a value by `change(value)` and return it.

        Atomic among all processes: `change` is called again when another write came first. It is
        given `default` where there is no value. The expiry stays, unless `ttl` is given.
        """
        place = self._opened.place(key)
        return drive(
            place.plain.mutate(
                key,
                lambda old: change(default if old is ABSENT else old),
                until=None if ttl is GIVEN else place.until(ttl),
                fresh_until=place.until(GIVEN),
            )
        )
