"""The commands: each takes its arguments apart, calls what does the work, and prints."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated, NoReturn

import typer

import afresh
from afresh.cli import edge, probing, seeing, serving
from afresh.cli.written import Written, dependency
from afresh.errors import AfreshError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="A cache whose results stay true.")
_Url = Annotated[str | None, typer.Option(help="Where the cache lives; by default this machine's folder.")]


@app.command()
def demo(
    serve: Annotated[bool, typer.Option("--serve", help="Leave it up for a browser, until Ctrl-C.")] = False,
    seconds: Annotated[
        float, typer.Option(min=0, max=600, help="Length of each phase; 0 measures nothing.")
    ] = 6.0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where --serve listens; 0: any.")] = 0,
) -> None:
    """A package catalogue on this machine: slow, then fast, then edited and still right."""
    try:
        from afresh.demo import command  # it needs an extra of its own
    except ModuleNotFoundError as missing:
        _fail(f"The demo needs {missing.name}. Install it with: pip install 'afresh[demo]'")
    raise typer.Exit(command.main(seconds=seconds, serve=serve, port=port))


@app.command()
def stats(url: _Url = None) -> None:
    """What a cache holds, and what its server says. Hits are counted in the processes that use it."""
    with _open(url) as cache:
        seeing.show_stats(cache.stats(), cache.doctor()[0].told)


@app.command()
def doctor(url: _Url = None) -> None:
    """What is wrong with a cache, or may become so; ends with 1 if something is."""
    with _open(url) as cache:
        found = cache.doctor()
    for each in found:
        seeing.show_diagnosis(each)
    if not all(each.healthy for each in found):
        raise typer.Exit(1)


@app.command()
def invalidate(
    tags: Annotated[
        list[str],
        typer.Argument(
            metavar="TAG...",
            help="What changed: table:review, row:product:7, where:review:product=7, key:K, or tag:menu.",
        ),
    ],
    url: _Url = None,
) -> None:
    """Announce that something changed, to every process that uses the cache."""
    try:
        dependencies = [dependency(written) for written in tags]
    except Written as wrong:
        _fail(str(wrong))
    with _open(url) as cache:
        try:
            cache.invalidate(*dependencies)
        except AfreshError as error:
            _fail(str(error))
    typer.echo(f"announced: {', '.join(tags)}")


_Several = Annotated[list[str] | None, typer.Option(help="Who is told; several times for several caches.")]
_Volatile = Annotated[list[str] | None, typer.Option(metavar="TABLE.COLUMN", help="A volatile column.")]
_Full = Annotated[str, typer.Option(help="Log whole old rows: of tables that are `keyless`, or of `all`.")]
_Poll = Annotated[float, typer.Option(min=0, help="Look every so many seconds by SQL; 0: stream.")]


@app.command()
def watch(
    database: Annotated[
        str, typer.Argument(metavar="URL", help="The database: postgresql://…, or sqlite:///file.")
    ],
    cache: _Several = None,
    db: Annotated[str, typer.Option(help="The database's name in tags.")] = "",
    slot: Annotated[str, typer.Option(help="Name of the replication slot.")] = "afresh",
    publication: Annotated[str, typer.Option(help="Name of the publication.")] = "afresh",
    volatile: _Volatile = None,
    full: _Full = "",
    poll: _Poll = 0.0,
    check: Annotated[bool, typer.Option("--check", help="Say how it is, and what is wrong.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Drop slot, publication, log and triggers.")] = False,
    triggers: Annotated[
        bool, typer.Option("--triggers", help="By a table that triggers write, instead of the log.")
    ] = False,
) -> None:
    """Announce what other programs change in a database, until Ctrl-C."""
    try:
        from afresh.cli import watching, watching_sqlite  # they need an extra of their own
    except ModuleNotFoundError as missing:
        _fail(f"Watching needs {missing.name}. Install it with: pip install 'afresh[sql]'")
    try:
        columns, every = tuple(volatile or ()), poll or None
        watched: watching.Watched | watching_sqlite.WatchedFile
        if database.startswith("sqlite:"):
            watched = watching_sqlite.WatchedFile(database, db, columns, every)
        else:
            watched = watching.Watched(database, slot, publication, db, columns, full, every, triggers)
        if check:
            raise typer.Exit(0 if watched.check() else 1)
        if drop:
            watched.drop()
            return
        with ExitStack() as caches:
            urls: list[str | None] = [*cache] if cache else [None]
            watching.follow(watched, [caches.enter_context(_open(url)) for url in urls])
    except AfreshError as error:
        _fail(str(error))


app.command()(serving.serve)
app.command()(probing.probe)
app.add_typer(edge.app, name="edge")


def _open(url: str | None) -> afresh.Cache:
    if url in {"memory://", "null://"}:
        _fail(f"{url} belongs to one process: there is nothing to see or to announce from outside of it.")
    try:
        return afresh.Cache() if url is None else afresh.Cache(url)
    except AfreshError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
