"""What the rows of the log hold for one table: which columns' values, and which bit says that a column changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

from afresh.sql.schema.catalogue import Table

MOST_BITS = 61
"""Columns that have a bit of their own. One more stands for all others, and the row's number. An integer has 63."""


@dataclass(frozen=True)
class Layout:
    """The layout of one table's rows in the log.

    Args:
        table: The table's name.
        image: Columns whose values stand in the log, as the catalogue spells them: those of keys and indexes.
        bits: Columns that an UPDATE is compared by, the first one is bit 0.
    """

    table: str
    image: tuple[str, ...]
    bits: tuple[str, ...]

    @classmethod
    def of(cls, table: Table) -> Layout:
        """The layout that a table has by its schema."""
        image = sorted({name for shape in table.shapes() for name in shape})
        return cls(table.name, tuple(image), tuple(each.name for each in table.columns if not each.generated))

    @cached_property
    def text(self) -> str:
        """As it stands in the database."""
        return json.dumps([self.table, self.image, self.bits])

    @cached_property
    def number(self) -> int:
        """Stands for it in the log: the same wherever the layout is the same."""
        return int.from_bytes(blake2b(self.text.encode(), digest_size=7).digest())

    @classmethod
    def read(cls, text: str) -> Layout:
        """What `text` wrote."""
        table, image, bits = json.loads(text)
        return cls(table, tuple(image), tuple(bits))

    def changed(self, mask: int) -> frozenset[str] | None:
        """The columns that a mask names; None for any."""
        if mask >> MOST_BITS:
            return None
        return frozenset(name for bit, name in enumerate(self.bits) if mask >> bit & 1)

    def row(self, values: Sequence[Any]) -> dict[str, Any]:
        """Values of the log as a row."""
        return dict(zip(self.image, values, strict=False))
