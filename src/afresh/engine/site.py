"""A place in the program that asks for cached values: a decorated function, or `get_or_load`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from afresh.core.entry import Entry
from afresh.core.policy import Policy
from afresh.core.tags import Dependency


@dataclass(slots=True, eq=False)
class Site:
    """A decorated function, or the values loaded by `get_or_load`.

    Attributes:
        name: The prefix of its keys.
        policy: Its settings.
        space: Its entries in this process, by index.
        returns: Gives the type that its values are decoded to; asked once, when first needed.
        hits: Hits of entries that are gone; those that live count for themselves.
        saved: Seconds of loading that those hits saved.
        cost: Mean seconds of a load, the last ones weighing most.
        warned: The developer was told that its values can't leave the process.
        variant: What the store's keys of its values end in; found out when first needed.
    """

    name: str
    policy: Policy
    space: dict[Hashable, Entry]
    returns: Callable[[], Any] = lambda: Any
    hits: int = 0
    saved: float = 0.0
    misses: int = 0
    loads: int = 0
    load_seconds: float = 0.0
    failures: int = 0
    stale: int = 0
    joined: int = 0
    refused: int = 0
    cost: float = 0.0
    warned: bool = False
    variant: str | None = None
    _type: Any = None

    @property
    def type(self) -> Any:
        """What its values are decoded to."""
        if self._type is None:
            self._type = self.returns()
        return self._type

    def loaded(self, seconds: float) -> None:
        """Count a load."""
        self.loads += 1
        self.load_seconds += seconds
        self.cost = seconds if self.loads == 1 else self.cost + (seconds - self.cost) / 8

    def retire(self, entry: Entry) -> None:
        """Keep the count of an entry that goes."""
        self.hits += entry.hits
        self.saved += entry.hits * entry.facts.cost
        entry.hits = 0


@dataclass(slots=True, eq=False)
class Call:
    """One call for one key.

    Attributes:
        site: Where it comes from.
        index: The key's index in the site's space.
        key: The full key.
        policy: The settings of this call.
        load: Makes the value.
        tags: What the caller says that it depends on.
        found: What the last look found in this process's memory, good or not.
    """

    site: Site
    index: Hashable
    key: str
    policy: Policy
    load: Callable[[], Any | Awaitable[Any]]
    tags: Callable[[], Iterable[Dependency]] | None = None
    found: Entry | None = None
