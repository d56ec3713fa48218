"""`afresh warm PATH…`: have pages made before somebody asks for them."""

from __future__ import annotations

from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import CommandError
from django.test import Client

from afresh.django.project import project_cache

HELP = "Asks for pages, so that they are in the cache when visitors come. They are asked for by nobody."


def add_arguments(parser: Any) -> None:
    """The pages."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="/shelf/7?page=2, or with a host")
    parser.add_argument(
        "--host", help="of those that are given without one; by default the first in ALLOWED_HOSTS"
    )


def run(options: dict[str, Any], out: Any) -> None:
    """Ask for them."""
    cache = project_cache()
    if cache._engine.backend.in_memory:
        raise CommandError(f"{cache} is each process's own: what is made here is nobody else's.")
    client = Client(raise_request_exception=False)
    failed = 0
    for given in options["paths"]:
        parts = urlsplit(given)
        host = parts.netloc or options["host"] or _first_host()
        path = parts._replace(scheme="", netloc="").geturl() or "/"
        began = perf_counter()
        response: Any = client.get(path, secure=parts.scheme == "https", headers={"host": host})
        failed += response.status_code >= 400
        said = response.headers.get("Cache-Status", "")
        out.write(f"{response.status_code}  {(perf_counter() - began) * 1000:.0f} ms  {given}  {said}")
    if failed:
        raise CommandError(f"{failed} of {len(options['paths'])} pages could not be made.")


def _first_host() -> str:
    hosts: list[str] = [host.lstrip(".") for host in settings.ALLOWED_HOSTS if "*" not in host]
    if not hosts:
        raise CommandError("ALLOWED_HOSTS names no host: say which one by --host.")
    return hosts[0]
