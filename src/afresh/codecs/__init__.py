"""Values to bytes and back: codecs, compression, encryption, and the envelope around them.

`register` teaches the default codec a type of your own.
"""

from __future__ import annotations

from afresh.codecs.registry import register

__all__ = ["register"]
