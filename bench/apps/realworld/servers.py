"""The application as a process."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from afresh.testing.servers.process import Server, accepts
from bench.environments import ROOT


class Site(Server):
    """One of `subjects`.

    Args:
        folder: For its log.
        name: The subject.
        url: The database.
        shared: Where its cache is, which others may share.
    """

    def __init__(self, folder: Path, name: str, url: str, shared: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)
        self._name, self._rest = name, [url, str(shared)]
        os.environ.setdefault("PYTHONPATH", str(ROOT))

    def command(self) -> Sequence[str]:
        """What to run."""
        return [
            sys.executable,
            "-m",
            "bench.apps.realworld.subjects",
            self._name,
            str(self.port),
            *self._rest,
        ]

    def answers(self) -> bool:
        """Whether it is ready."""
        return accepts(self.port)
