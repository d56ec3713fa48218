"""How a connection ends before its time."""

from __future__ import annotations

from afresh.errors import BackendError


class Gone(BackendError):
    """The connection broke, or an answer came too late: it can't be used any more."""


class Late(Gone):
    """The deadline passed."""
