"""The command `afresh`."""

from __future__ import annotations

import sys

_NEEDED = {"click", "rich", "typer"}


def main() -> None:
    """Entry point: run the command line, or say what has to be installed for it."""
    try:
        from afresh.cli.commands import app
    except ModuleNotFoundError as missing:
        if missing.name not in _NEEDED:
            raise
        sys.exit(f"The command line needs {missing.name}. Install it with: pip install 'afresh[cli]'")
    app(prog_name="afresh")
