"""Workers over a server, as processes of their own, on one machine or on several."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from history import History

HERE = Path(__file__).parent


class ServerCrew:
    """Worker processes that mean the same server.

    Args:
        folder: For the table, and one folder for each machine that is played.
        url: Of the server.
        seed: What chance begins with.
        consistency: What the workers ask for.
        callers: So many threads and tasks in each reader.
    """

    def __init__(
        self, folder: Path, url: str, seed: int, *, consistency: str = "bounded", callers: int = 16
    ) -> None:
        self.folder, self.seed = folder, seed
        self.history = History(folder / "table")
        self._common = {"url": url, "consistency": consistency, "callers": callers}
        self._common["table"] = str(folder / "table")
        self._started = 0

    def start(
        self, role: str, seconds: float = 0, *, machine: int = 0, number: int | None = None, **more: Any
    ) -> subprocess.Popen[str]:
        """Start a worker; `machine` is the folder that it shares with others of that number."""
        self._started += 1
        place = self.folder / f"machine{machine}"
        place.mkdir(mode=0o700, exist_ok=True)
        settings = {
            **self._common,
            "role": role,
            "seconds": seconds,
            "seed": self.seed + self._started,
            "machine": str(place),
            "number": self._started if number is None else number,
            **more,
        }
        return subprocess.Popen(
            [sys.executable, str(HERE / "server_worker.py"), json.dumps(settings)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def ready(processes: Iterable[subprocess.Popen[str]]) -> None:
    """Wait until each of them works."""
    for process in processes:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            _, errors = process.communicate(timeout=10)
            raise AssertionError(errors)


def outcome(process: subprocess.Popen[str], seconds: float = 60) -> dict[str, Any]:
    """What a worker printed; its error output where it failed."""
    out, errors = process.communicate(timeout=seconds)
    assert process.returncode == 0, errors
    return json.loads(out.splitlines()[-1])


def total(counts: list[dict[str, Any]]) -> dict[str, Any]:
    """All workers together: sums, and the largest of what is a time."""
    names = {name for count in counts for name in count}
    return {
        name: (max if name.endswith("_ms") else sum)(count.get(name, 0) for count in counts)
        for name in sorted(names)
    }
