"""The one setting that long runs take their size from: `AFRESH_SIZE=small|full`, and the seed."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")


def size(small: T, full: T) -> T:
    """The size of a run: `small` in CI, `full` in scripts/soak."""
    chosen = os.environ.get("AFRESH_SIZE", "small")
    if chosen not in {"small", "full"}:
        raise ValueError(f"AFRESH_SIZE={chosen!r}: write small or full")
    return full if chosen == "full" else small


def seed() -> int:
    """The seed of this run: `AFRESH_SEED`, else a new one, which the run prints."""
    return int(os.environ["AFRESH_SEED"])
