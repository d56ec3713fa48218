"""`afresh serve --upstream`, as a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from afresh.testing.servers.process import Server, accepts

_PROGRAM = (
    "import json, sys; from afresh.http.serve.running import *; serve(Serving(**json.loads(sys.argv[1])))"
)


class Proxy(Server):
    """A caching reverse proxy before an origin.

    Args:
        folder: Where it keeps its log.
        origin: The origin's port.
        options: The middleware's.
    """

    def __init__(self, folder: Path, origin: int, options: dict[str, Any]) -> None:
        super().__init__(folder)
        self._settings = {
            "upstream": f"http://127.0.0.1:{origin}",
            "cache": "memory://",
            "access_log": False,
            "options": options,
        }

    def command(self) -> Sequence[str]:
        return [sys.executable, "-c", _PROGRAM, json.dumps(self._settings | {"port": self.port})]

    def answers(self) -> bool:
        return accepts(self.port)
