"""`afresh demo`: make the database, start the workers, measure, and perhaps leave it up."""

from __future__ import annotations

import asyncio
import errno
import sys
import tempfile
import time
from pathlib import Path

from afresh.demo.catalogue import database
from afresh.demo.drive import report
from afresh.demo.drive.phases import Outcome, Settings, measure, prepare
from afresh.demo.drive.servers import Workers


def main(*, seconds: float = 6.0, serve: bool = False, port: int = 0) -> int:
    """Run the demo; returns the exit status, 1 when an answer was not right.

    Args:
        seconds: Length of each phase; 0 measures nothing.
        serve: Leave the catalogue up for a browser until Ctrl-C.
        port: Where, on 127.0.0.1; 0 lets the system choose.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="afresh-demo-") as folder:
            packages = min(120, int(40 * seconds))  # the fewer, the sooner all are in the cache
            settings = Settings(seconds=seconds, patience=1.5 * seconds, packages=packages)
            return _run(Path(folder), settings, serve, port)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        _say(f"Port {port} is in use: name another, or none.")
        return 1
    finally:
        database.use(None)


def _run(folder: Path, settings: Settings, serve: bool, port: int) -> int:
    _say("Making the catalogue: packages of Debian 12, in SQLite")
    path, facts = prepare(folder)
    _say(f"{len(facts.name):,} packages and {len(facts.target):,} dependencies; two worker processes")
    environment = {"AFRESH_DIR": str(folder / "cache")}
    outcome: Outcome | None = None
    with Workers(path, settings.variant, environment=environment, port=port) as fast:
        if settings.seconds > 0:
            outcome = asyncio.run(measure(path, facts, fast, settings, _say))
            report.show(outcome)
        if serve:
            _leave_up(fast)
        elif outcome is not None:
            _say("To look at it: afresh demo --serve")
    return 0 if outcome is None or outcome.right else 1


def _leave_up(workers: Workers) -> None:
    _say(f"With afresh, two workers: http://127.0.0.1:{workers.shared[1]}/ (Ctrl-C ends it)")
    try:
        while True:
            workers.check()
            time.sleep(1.0)
    except KeyboardInterrupt:
        _say("")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201
