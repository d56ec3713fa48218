"""The environ of a request to Flask, that notices what is asked of it, by Werkzeug or by whoever else."""

from __future__ import annotations

from typing import Any

from afresh.flask.reading.visitor import Visitor
from afresh.http.requests.reading import Reads
from afresh.http.requests.variables import Variables


class WatchedEnviron(Variables):
    """The environ of one request.

    Attributes:
        visitor: Whose request it is.
    """

    visitor: Visitor

    @classmethod
    def of(cls, environ: dict[str, Any], visitor: Visitor, reads: Reads) -> WatchedEnviron:
        """Watch an environ."""
        self = cls(environ).watched_by(reads)
        self.visitor = visitor
        return self
