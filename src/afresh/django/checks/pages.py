"""What stands in the way of pages, or would be missed: middlewares that hits skip, and what requests have shown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.utils.module_loading import import_string

from afresh.django.project import MIDDLEWARE, place_of_project, project_cache
from afresh.django.settings import given
from afresh.errors import AfreshError

_OWN_CACHES = ("UpdateCacheMiddleware", "FetchFromCacheMiddleware", "CacheMiddleware")


def check_middleware(app_configs: Sequence[Any] | None, **options: Any) -> list[CheckMessage]:
    """Middlewares that hits skip."""
    skipped = _skipped()
    found: list[CheckMessage] = []
    for path in skipped:
        if path in MIDDLEWARE:
            continue  # `check_order` says it
        if keeps_pages_of_its_own(path):
            found.append(
                checks.Warning(
                    f"{path} keeps pages of its own, which nothing drops when a row changes.",
                    hint="Remove it: afresh.django.Middleware keeps them.",
                    id="afresh.W003",
                )
            )
        elif not is_djangos(path) and path not in given("SKIPPED", ()):
            found.append(_stranger(path))
    if skipped and settings.SESSION_SAVE_EVERY_REQUEST:
        found.append(
            checks.Warning(
                "SESSION_SAVE_EVERY_REQUEST: visitors with a session are served by the application alone.",
                hint="Each of their requests makes the session last longer, which a hit wouldn't.",
                id="afresh.W005",
            )
        )
    return found


def keeps_pages_of_its_own(path: str) -> bool:
    """Whether a middleware is one of Django's page cache."""
    return path.startswith("django.") and path.rpartition(".")[2] in _OWN_CACHES


def _stranger(path: str) -> CheckMessage:
    return checks.Info(
        f"Hits skip {path}.",
        hint=(
            "If it limits, counts or logs requests, put it before afresh.django.Middleware in MIDDLEWARE. "
            f"If all it does is in the page, say so: AFRESH = {{'SKIPPED': ['{path}']}}."
        ),
        id="afresh.I001",
    )


def _skipped() -> list[str]:
    """The middlewares after ours; none if ours isn't there."""
    paths = list(settings.MIDDLEWARE)
    at = next((paths.index(each) for each in MIDDLEWARE if each in paths), None)
    return [] if at is None else paths[at + 1 :]


def is_djangos(path: str) -> bool:
    """Whether what it does is in the page, or is done for hits too."""
    try:
        return bool(import_string(path).__module__.startswith("django."))
    except ImportError:
        return True  # Django itself says what is wrong with it


def check_place(app_configs: Sequence[Any] | None, **options: Any) -> list[CheckMessage]:
    """A cache of one container's is no other's."""
    if not _skipped() or not _in_a_container():
        return []
    place = place_of_project()
    if place.backend or place.file or place.arguments.get("url") is not None or "AFRESH_URL" in os.environ:
        return []
    return [
        checks.Warning(
            "Pages are kept in this container: others are not told what it changes.",
            hint="With more than one, let them share a server: AFRESH = {'CACHE': 'redis://…'}.",
            id="afresh.W004",
        )
    ]


def _in_a_container() -> bool:
    marks = (Path("/.dockerenv"), Path("/run/.containerenv"))
    return "KUBERNETES_SERVICE_HOST" in os.environ or any(mark.exists() for mark in marks)


def check_obstacles(app_configs: Sequence[Any] | None, **options: Any) -> list[CheckMessage]:
    """Pages that requests have shown not to be kept, and the lines that would change it."""
    if not _skipped():
        return []
    from afresh.django.pages.obstacles import told
    from afresh.django.pages.options import flow_of

    try:
        rules = flow_of().rules
        found = [each.left(rules.of(each.seen.encode())) for each in told(project_cache())]
    except AfreshError as error:
        return [checks.Error(str(error), id="afresh.E005")]
    return [checks.Warning(each.why, hint=each.hint, id="afresh.W002") for each in found if each]
