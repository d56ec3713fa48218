"""What was measured, in a small table: drawn by rich where it is installed, else plain text."""

from __future__ import annotations

from afresh.demo.drive.phases import Outcome
from afresh.demo.drive.readers import Record


def lines(outcome: Outcome) -> list[tuple[str, ...]]:
    """The table's rows, its heading first."""
    before, kinds = outcome.before, outcome.kinds.items()
    cold, filled, read, measured, edited = outcome.marks
    return [
        ("", "requests/s", "", "p50", "p99", "hits"),
        _row("without afresh", before, before, ""),
        *[_row(f"  {name}", kind.before, kind.before, "") for name, kind in kinds],
        _row("with, cold", outcome.cold, outcome.first, _ratio({}, cold)),
        _row("with, warm", outcome.warm, before, _ratio(filled, read)),
        *[_row(f"  {name}", kind.warm, kind.before, "") for name, kind in kinds],
        _row("with, edited", outcome.edited, before, _ratio(measured, edited)),
    ]


def sentences(outcome: Outcome) -> list[str]:
    """What else there is to say."""
    verdict, total = outcome.verdict, outcome.marks[-1]
    return [
        f"Cold: {len(outcome.cold.latencies):,} requests took {outcome.cold.seconds:.1f} s from an empty cache;"
        f" without afresh the same ones took {outcome.first.seconds:.1f} s.",
        f"{total['saved']:,.0f} loads saved, {total['loads']:,.0f} done.",
        f"{outcome.edits:,} edits while others read: {outcome.edits - outcome.elsewhere:,} through the forms,"
        f" {outcome.elsewhere:,} by another program, in plain SQL.",
        f"{verdict.compared:,} answers compared byte for byte with the uncached ones: {verdict.different:,} differ."
        + (f" For {verdict.unchecked:,} more there was no time." if verdict.unchecked else ""),
        f"{verdict.checked:,} answers during edits checked against the edits: {verdict.stale:,} stale.",
        f"Pages that showed a visitor what is another's: {verdict.leaked:,}. Requests that failed: {verdict.failed:,}.",
    ]


def show(outcome: Outcome) -> None:
    """Print it."""
    rows = lines(outcome)
    try:
        from rich.console import Console
        from rich.table import Table
    except ModuleNotFoundError:
        for row in rows:
            print("  ".join(cell.rjust(12) for cell in row))  # noqa: T201
        print(*sentences(outcome), sep="\n")  # noqa: T201
        return
    table = Table(*rows[0], title="The catalogue, two worker processes", title_justify="left")
    for number, column in enumerate(table.columns):
        column.no_wrap = True
        column.justify = "right" if number else "left"
    for row in rows[1:]:
        table.add_row(*row)
    console = Console(highlight=False)
    console.print(table)
    for sentence in sentences(outcome):
        console.print(sentence)


def _row(name: str, record: Record, before: Record, hits: str) -> tuple[str, ...]:
    times = _times(record.rate / before.rate) if record is not before and before.rate else ""
    return name, f"{record.rate:,.0f}", times, _ms(record.quantile(0.5)), _ms(record.quantile(0.99)), hits


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f} ms"


def _ratio(start: dict[str, float], end: dict[str, float]) -> str:
    hits, misses = (end[name] - start.get(name, 0) for name in ("hits", "misses"))
    return f"{hits / (hits + misses):.1%}" if hits + misses else ""
