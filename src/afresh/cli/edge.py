"""The commands `edge …`: configurations for caches in front, and what keeps them true."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from typing import Annotated, Literal, NoReturn, cast

import typer

import afresh
from afresh.edge import configuration
from afresh.edge.drivers.cloudflare import Cloudflare
from afresh.edge.drivers.fastly import Fastly
from afresh.edge.drivers.nginx import Nginx
from afresh.edge.drivers.varnish import Varnish
from afresh.edge.follow import EdgeStatus, Follower
from afresh.edge.port import Edge
from afresh.edge.published import Published
from afresh.errors import AfreshError

app = typer.Typer(no_args_is_help=True, help="Caches in front of the application: Varnish, nginx, CDNs.")
_EVERY = 10.0  # seconds between two looks at how edges are
_SOON = 0.2  # while another process follows: that this one does is said soon

_Cookies = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="A cookie that only scripts in browsers read: _ga*.")
]
_Names = Annotated[list[str] | None, typer.Option(metavar="HOST", help="A name that is served.")]
_Urls = Annotated[list[str] | None, typer.Option(metavar="URL", help="A Varnish's listener for purges.")]
_Folders = Annotated[list[str] | None, typer.Option(metavar="FOLDER", help="Where an nginx keeps its pages.")]


@app.command()
def varnish(
    backend: Annotated[str, typer.Option(metavar="HOST:PORT", help="The application.")] = "127.0.0.1:8000",
    token: Annotated[str, typer.Option(help="What whoever purges has to know; by default a new one.")] = "",
    host: _Names = None,
    probe: Annotated[str, typer.Option(metavar="PATH", help="Tells whether the application is well.")] = "",
    ignore_cookie: _Cookies = None,
    ignore_parameter: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A parameter that no page depends on: utm_*.")
    ] = None,
    stale_if_error: Annotated[int, typer.Option(min=0, help="Seconds, where a page doesn't say.")] = 0,
    xkey: Annotated[
        bool, typer.Option(help="varnish-modules are there; else purges by tag are bans.")
    ] = True,
    last: Annotated[bool, typer.Option(help="No other cache is before it.")] = True,
) -> None:
    """Write a configuration for Varnish 7."""
    settings = configuration.Varnish(
        backend=backend,
        token=token or secrets.token_urlsafe(24),
        hosts=host or (),
        probe=probe,
        ignored_cookies=ignore_cookie or (),
        ignored_parameters=ignore_parameter or (),
        stale_if_error=stale_if_error,
        xkey=xkey,
        last=last,
    )
    try:
        typer.echo(settings.vcl(), nl=False)
    except AfreshError as error:
        _fail(str(error))


@app.command()
def nginx(
    upstream: Annotated[str, typer.Option(metavar="HOST:PORT", help="The application.")] = "127.0.0.1:8000",
    mode: Annotated[str, typer.Option(help="cache, memcached, or front: keep nothing.")] = "cache",
    name: _Names = None,
    certificate: Annotated[str, typer.Option(help="File of the certificate: TLS and HTTP/2.")] = "",
    key: Annotated[str, typer.Option(help="File of its private key.")] = "",
    listen: Annotated[str, typer.Option(help="Address and port; 443 with a certificate, else 80.")] = "",
    folder: Annotated[str, typer.Option(help="Where pages are kept.")] = "/var/cache/nginx/afresh",
    memcached: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="With mode memcached.")
    ] = "127.0.0.1:11211",
    ignore_cookie: _Cookies = None,
    stale_if_error: Annotated[
        bool,
        typer.Option(
            "--stale-if-error", help="When the application fails, serve what is there, however old."
        ),
    ] = False,
    last: Annotated[bool, typer.Option(help="No other cache is before it.")] = True,
) -> None:
    """Write a configuration for nginx."""
    if mode not in {"cache", "memcached", "front"}:
        _fail(f"--mode {mode}: write cache, memcached or front.")
    settings = configuration.Nginx(
        upstream=upstream,
        mode=cast("Literal['cache', 'memcached', 'front']", mode),
        names=name or ["localhost"],
        certificate=certificate,
        key=key,
        listen=listen or ("443" if certificate else "80"),
        redirect="80" if certificate else "",
        folder=folder,
        memcached=memcached,
        ignored_cookies=ignore_cookie or (),
        stale_if_error=stale_if_error,
        last=last,
    )
    try:
        typer.echo(settings.conf(), nl=False)
    except AfreshError as error:
        _fail(str(error))


@app.command()
def follow(
    cache: Annotated[str | None, typer.Option(help="The cache; by default this machine's folder.")] = None,
    varnish: _Urls = None,
    nginx: _Folders = None,
    fastly: Annotated[str, typer.Option(metavar="SERVICE", help="Token: $AFRESH_FASTLY_TOKEN.")] = "",
    cloudflare: Annotated[str, typer.Option(metavar="ZONE", help="Token: $AFRESH_CLOUDFLARE_TOKEN.")] = "",
    pace: Annotated[float, typer.Option(min=0, help="Seconds between two calls of Cloudflare.")] = 0.2,
    published: Annotated[str, typer.Option(metavar="HOST:PORT", help="memcached with published pages.")] = "",
    index: Annotated[str, typer.Option(metavar="FILE", help="Where published pages are entered.")] = "",
    soft: Annotated[bool, typer.Option("--soft", help="Make pages stale, don't drop them.")] = False,
) -> None:
    """Drop at every edge what is invalidated, until Ctrl-C.

    Varnish's token is in $AFRESH_VARNISH_TOKEN, the secret of outward names in $AFRESH_EDGE_SECRET.
    """
    try:
        edges: list[Edge] = [Varnish(url, _token("VARNISH"), soft=soft) for url in varnish or ()]
        edges += [Nginx(folder, soft=soft) for folder in nginx or ()]
        if fastly:
            edges.append(Fastly(fastly, _token("FASTLY"), soft=soft))
        if cloudflare:
            edges.append(Cloudflare(cloudflare, _token("CLOUDFLARE"), pace=pace))
        if published:
            entered = index or _fail("--published needs --index, the file of `Publishing`.")
            edges.append(Published(published, entered))
        _follow(cache, edges)
    except AfreshError as error:
        _fail(str(error))


def _follow(cache: str | None, edges: list[Edge]) -> None:
    if not edges:
        _fail(
            "name an edge: --varnish URL, --nginx FOLDER, --fastly SERVICE, --cloudflare ZONE, --published."
        )
    secret = os.environ.get("AFRESH_EDGE_SECRET", "").encode()
    with (
        afresh.Cache() if cache is None else afresh.Cache(cache) as opened,
        Follower(opened, edges, secret=secret, tell=typer.echo) as follower,
    ):
        _until_stopped(follower)


def _until_stopped(follower: Follower) -> None:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    before: list[str] = []
    pause = _SOON
    while not ended.wait(pause):
        now = [line(each) for each in follower.status()] or ["another process follows"]
        if now != before:
            for each in now:
                typer.echo(each)
        before, pause = now, _EVERY if follower.working else _SOON


def line(status: EdgeStatus) -> str:
    """How an edge is, in one line."""
    trouble = f"; {status.trouble}" if status.trouble else ""
    return f"{status.name}: {status.delivered:,} purges taken, {status.waiting:,} waiting{trouble}"


def _token(of: str) -> str:
    name = f"AFRESH_{of}_TOKEN"
    if not os.environ.get(name):
        _fail(f"set {name}: the token stands in no command line.")
    return os.environ[name]


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
