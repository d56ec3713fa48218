"""What stands before our middleware in MIDDLEWARE runs for hits too, and nobody sees there what it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage

from afresh.django.checks.pages import is_djangos, keeps_pages_of_its_own
from afresh.django.pages.before import LOCALE, NONCES, is_a, paths
from afresh.django.project import MIDDLEWARE

_ASKS_WHO = {
    "django.contrib.sessions.middleware.SessionMiddleware": "pages that use the session aren't kept",
    "django.contrib.auth.middleware.AuthenticationMiddleware": "pages that use the user aren't kept",
    "django.contrib.messages.middleware.MessageMiddleware": (
        "pages that show messages aren't made anew behind an answer where messages are in the session"
    ),
    **dict.fromkeys(LOCALE, "all pages are kept apart by language"),
    **dict.fromkeys(NONCES, "pages with a nonce aren't kept"),
}
"""What it costs when one of these, or of their kind, stands before ours."""


def check_order(app_configs: Sequence[Any] | None, **options: Any) -> list[CheckMessage]:
    """Our middleware twice, or behind those that ask who the visitor is, or that keep pages themselves."""
    places = [at for at, path in enumerate(settings.MIDDLEWARE) if path in MIDDLEWARE]
    if not places:
        return []
    found = [message for path in paths() for message in _about(path)]
    if len(places) > 1:
        found.append(
            checks.Error(
                "afresh.django.Middleware is in MIDDLEWARE more than once.",
                hint="Leave the first there, and remove the others.",
                id="afresh.E008",
            )
        )
    return found


def _about(path: str) -> list[CheckMessage]:
    if keeps_pages_of_its_own(path):
        return [
            checks.Warning(
                f"{path} stands before afresh.django.Middleware and keeps pages, which nothing drops when a row changes.",
                hint="Remove it: afresh.django.Middleware keeps them.",
                id="afresh.W003",
            )
        ]
    found: list[CheckMessage] = [
        checks.Warning(
            f"{path} stands before afresh.django.Middleware, where nobody sees what it reads: {cost}.",
            hint="Put afresh.django.Middleware before it, best first of all.",
            id="afresh.W006",
        )
        for name, cost in _ASKS_WHO.items()
        if is_a(path, name)
    ]
    return found if found or is_djangos(path) else [_stranger(path)]


def _stranger(path: str) -> CheckMessage:
    return checks.Info(
        f"{path} stands before afresh.django.Middleware, where nobody sees what it reads.",
        hint=(
            "If it limits, counts or logs requests, it is right there. If it puts something on them that pages "
            "are made from (request.tenant), put afresh.django.Middleware before it: otherwise pages that read "
            "a text or a number there are kept for those with the same, and others aren't kept."
        ),
        id="afresh.I002",
    )
