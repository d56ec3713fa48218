"""The command `serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from afresh.errors import AfreshError, ConfigurationError

_App = Annotated[str, typer.Argument(metavar="[MODULE:APP]", help="An ASGI or WSGI application.")]
_Upstream = Annotated[str, typer.Option(metavar="URL", help="Another server, in place of one.")]
_Cache = Annotated[str | None, typer.Option(help="Where pages live; by default this machine's folder.")]
_Namespace = Annotated[str, typer.Option(help="Of the cache.")]
_Host = Annotated[str, typer.Option(help="Address to listen on.")]
_Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")]
_Uds = Annotated[str | None, typer.Option(help="Unix socket to listen on, in place of these.")]
_Workers = Annotated[int, typer.Option(min=1, help="Processes.")]
_Factory = Annotated[bool, typer.Option("--factory", help="APP is a function that makes it.")]
_Wsgi = Annotated[bool | None, typer.Option(help="It is a WSGI application; by default as it looks.")]
_Certificate = Annotated[str | None, typer.Option(help="For TLS: file of the certificate.")]
_Key = Annotated[str | None, typer.Option(help="For TLS: file of its private key.")]
_Log = Annotated[bool, typer.Option(help="A line for each request, hits marked.")]
_Believed = Annotated[
    str, typer.Option(metavar="ADDRESSES", help="Proxies whose X-Forwarded-… are believed.")
]
_Ignored = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="A parameter that no page depends on: utm_*.")
]
_Hosts = Annotated[
    list[str] | None, typer.Option(metavar="HOST", help="A host that is cached for; by default any.")
]
_Rules = Annotated[
    str | None, typer.Option(metavar="FILE", help="Rules for paths: [[http.rule]] in afresh.toml.")
]
_Edge = Annotated[bool, typer.Option("--edge", help="Tell caches in front what pages are made from.")]
_Publish = Annotated[
    str,
    typer.Option(metavar="HOST:PORT", help="memcached from which nginx serves finished pages; with --edge."),
]
_Index = Annotated[str, typer.Option(metavar="FILE", help="Where published pages are entered.")]


def serve(
    app: _App = "",
    upstream: _Upstream = "",
    cache: _Cache = None,
    namespace: _Namespace = "",
    host: _Host = "127.0.0.1",
    port: _Port = 8000,
    uds: _Uds = None,
    workers: _Workers = 1,
    factory: _Factory = False,
    wsgi: _Wsgi = None,
    certificate: _Certificate = None,
    key: _Key = None,
    access_log: _Log = True,
    believed: _Believed = "127.0.0.1",
    ignore_parameter: _Ignored = None,
    allow_host: _Hosts = None,
    rules: _Rules = None,
    edge: _Edge = False,
    publish: _Publish = "",
    index: _Index = "",
) -> None:
    """Serve an application, or another server, with a cache of whole pages before it."""
    given: dict[str, Any] = dict(locals())  # named as the settings are, but for six
    given["within"] = "afresh.edge.asgi:outward" if given.pop("edge") or publish else ""
    del given["publish"], given["index"]
    options = {
        "ignored_parameters": given.pop("ignore_parameter"),
        "hosts": given.pop("allow_host"),
        "rules": given.pop("rules"),
    }
    try:
        given.update(_before(publish, index))
        _run(given, {name: value for name, value in options.items() if value})
    except ModuleNotFoundError as missing:
        name = (missing.name or "").partition(".")[0]
        if name not in {"uvicorn", "httptools", "a2wsgi"}:
            raise
        _fail(f"Serving needs {name}. Install it with: pip install 'afresh[serve]'")
    except AfreshError as error:
        _fail(str(error))


def _before(publish: str, index: str) -> dict[str, Any]:
    """What stands before the cache, as a setting; looked at here, since each worker would fail at it."""
    if bool(publish) != bool(index):
        raise ConfigurationError(
            "--publish HOST:PORT and --index FILE, that of `afresh edge follow`, go together."
        )
    if not publish:
        return {}
    from afresh.edge.published.index import Index
    from afresh.edge.published.pages import Pages

    Pages(publish).close()
    Index(index).close()
    given = {"address": publish, "index": str(Path(index).absolute())}
    return {"before": "afresh.edge.published.middleware:published", "before_given": given}


def _run(settings: dict[str, Any], options: dict[str, Any]) -> None:
    from afresh.http.serve.running import Serving
    from afresh.http.serve.running import serve as run

    run(Serving(**settings, options=options))  # type: ignore[arg-type]


def _fail(message: str) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(1)
