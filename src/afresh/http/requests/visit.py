"""Whose answer is being made: for parts of it that are kept by themselves (`afresh.fragments`)."""

from __future__ import annotations

from contextvars import ContextVar

from afresh.http.requests.asked import Asked
from afresh.http.requests.reading import Reads


class Visit:
    """One request, while the application answers it.

    Attributes:
        asked: The request.
        reads: What of it is noticed when it is read; `None` where no framework's glue sees that.
    """

    __slots__ = ("asked", "reads")

    def __init__(self, asked: Asked, reads: Reads | None = None) -> None:
        self.asked = asked
        self.reads = reads


visiting: ContextVar[Visit | None] = ContextVar("afresh.visit", default=None)
"""Of the answer that is being made in this thread or task."""
