"""Values to bytes and back: codecs, compression, encryption, and the envelope around them.

`register` teaches the default codec a type of your own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from afresh.codecs.registry import register

__all__ = ["register"]


def __getattr__(name: str) -> Any:
    """Load the registry when it is asked for: a cache in memory alone needs no codec."""
    if name != "register":
        raise AttributeError(f"module 'afresh.codecs' has no attribute {name!r}")
    from afresh.codecs.registry import register

    return register
