"""Shops as processes: gunicorn with two workers, or one, and a folder each with `manage.py` and `afresh.toml`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from afresh.testing.servers.process import Server, accepts
from bench.environments import ROOT

MANAGE = "from django.core.management import execute_from_command_line\nimport sys\n\nexecute_from_command_line(sys.argv)\n"


class Place:
    """Where a shop is: what its processes are told.

    Args:
        folder: For everything.
        variant: What is added to the settings.
        database: A URL.
        redis: A URL, for those that need it.
    """

    def __init__(self, folder: Path, variant: str, database: str, redis: str = "") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manage.py").write_text(MANAGE)
        self.environment: dict[str, str] = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "bench.apps.oscar.settings",
            "SHOP_VARIANT": variant,
            "SHOP_DATABASE": database,
            "SHOP_REDIS": redis,
            "SHOP_MEDIA": str(folder / "media"),
            "AFRESH_DIR": str(folder / "cache"),
        }

    def rules(self, text: str) -> None:
        """Write `afresh.toml`."""
        (self.folder / "afresh.toml").write_text(text)

    def run(self, *command: str, told: bool = False) -> str:
        """What a program of this shop prints.

        Args:
            command: What Python gets.
            told: What it says on its standard error is shown at once, and isn't returned.

        Raises:
            RuntimeError: It failed; what it printed is in the message.
        """
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=None if told else subprocess.PIPE,
            text=True,
            check=False,
        )
        printed = done.stdout + (done.stderr or "")
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{printed}")
        return printed


class Shop(Server):
    """One that answers."""

    def __init__(self, place: Place, *, workers: int = 2, name: str = "shop") -> None:
        folder = place.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)
        self._place, self._workers = place, workers

    def command(self) -> Sequence[str]:
        """What to run."""
        variables = [
            f"{key}={value}" for key, value in self._place.environment.items() if key not in os.environ
        ]
        variables.append(f"PYTHONPATH={ROOT}")
        return [
            "/usr/bin/env", *variables, sys.executable, "-m", "gunicorn", "bench.apps.oscar.wsgi",
            "--chdir", str(self._place.folder), "--bind", f"127.0.0.1:{self.port}", "--workers", str(self._workers),
            "--threads", "4", "--worker-class", "gthread", "--keep-alive", "60", "--timeout", "120",
        ]  # fmt: skip

    def answers(self) -> bool:
        """Whether it is ready."""
        return accepts(self.port)
