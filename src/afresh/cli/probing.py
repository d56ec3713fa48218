"""The command `probe`: does one visitor get what is another's?"""

from __future__ import annotations

import random
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from afresh.errors import AfreshError, ConfigurationError
from afresh.probe import PROBES, Ask, in_process, over_http
from afresh.probe import probe as run

_NAMES = ", ".join(each.name for each in PROBES)
_Target = Annotated[str, typer.Argument(metavar="URL|MODULE:APP", help="A server, or an ASGI application.")]
_Paths = Annotated[list[str] | None, typer.Option("--path", help="Where to look; several times for several.")]
_Only = Annotated[list[str] | None, typer.Option("--only", help=f"One of: {_NAMES}.")]


def probe(target: _Target, path: _Paths = None, only: _Only = None) -> None:
    """Send pairs of requests that a careless cache mixes up; ends with 1 if one visitor got what was another's.

    It sends some hundred requests, POST among them, each with a parameter that no other request has.
    """
    try:
        found = list(run(_asking(target), path or ["/"], only=only or (), draw=random.SystemRandom().random))
    except (AfreshError, OSError) as error:
        typer.echo(f"{target} could not be probed: {error}", err=True)
        raise typer.Exit(2) from None
    for each in found:
        typer.echo(f"{each.probe} at {each.path}: {each.danger}")
    if found:
        raise typer.Exit(1)
    typer.echo(f"{len(only or PROBES)} classes at {len(path or ['/'])} paths: nothing found")


def _asking(target: str) -> Ask:
    """How to ask what the command line names."""
    if "://" in target:
        return over_http(target)
    module, colon, name = target.partition(":")
    if not colon:
        raise ConfigurationError("give a URL, or an ASGI application as module:name.")
    return in_process(_imported(module, name))


def _imported(module: str, name: str) -> Any:
    import sys

    sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = import_module(module)
        for each in name.split("."):
            found = getattr(found, each)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"there is no {module}:{name}: {error}") from error
    finally:
        sys.path.pop(0)
    return found
