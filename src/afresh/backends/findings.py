"""What `afresh doctor` has to say of a server, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that somebody should know.

    Attributes:
        severity: An `error` makes the cache useless, or less than true to its bound; a `warning` makes it
            slow or forgetful; a `note` is worth knowing.
        what: What is so.
        advice: What to do about it; empty for a note.
    """

    severity: Severity
    what: str
    advice: str = ""
