"""Commands that look: what a cache holds, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rich.console import Console
from rich.table import Table

from afresh.backends.findings import Finding
from afresh.engine.telling.doctor import Diagnosis
from afresh.engine.telling.stats import Stats

_COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def show_stats(counted: Stats, told: Mapping[str, object]) -> None:
    """Print what a cache holds, and what its server says."""
    table = Table("What", "Value", title=counted.url, title_justify="left")
    table.add_row("mode", counted.mode)
    table.add_row("position of the ledger", str(counted.position))
    for name, value in flat({**counted.store, **told}):
        table.add_row(name, value)
    _console().print(table)


def show_diagnosis(found: Diagnosis) -> None:
    """Print what was found about one place."""
    console = _console()
    console.print(f"[bold]{found.url}[/bold]" + (f" (pool {found.pool})" if found.pool else ""))
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, value in flat(found.told):
        table.add_row(name, value)
    console.print(table)
    show_findings(found.findings)


def show_findings(findings: Iterable[Finding]) -> None:
    """Print what was found."""
    console, listed = _console(), list(findings)
    for finding in listed:
        colour = _COLOURS[finding.severity]
        advice = f": {finding.advice}" if finding.advice else ""
        console.print(f"[{colour}]{finding.severity}[/{colour}]  {finding.what}{advice}")
    if not listed:
        console.print("[green]nothing to complain of[/green]")


def flat(told: Mapping[str, object], before: str = "") -> Iterator[tuple[str, str]]:
    """Names and values, those of inner dictionaries with the outer's name before them."""
    for name, value in told.items():
        full = f"{before}{str(name).replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{full}: ")
        elif isinstance(value, (list, tuple)) and value and all(isinstance(each, Mapping) for each in value):
            for number, each in enumerate(value, 1):
                yield from flat(each, f"{full} {number}: ")
        elif value is not None:
            yield full, _written(name, value)


def _written(name: object, value: object) -> str:
    if name == "latency" and isinstance(value, float):
        return f"{value * 1000:.3f} ms"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
