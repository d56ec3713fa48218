"""What stands before our middleware in MIDDLEWARE, and has looked at a request when that is not watched yet."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings
from django.utils.module_loading import import_string

from afresh.django.project import MIDDLEWARE

LOCALE = ("django.middleware.locale.LocaleMiddleware",)
NONCES = ("django.middleware.csp.ContentSecurityPolicyMiddleware", "csp.middleware.CSPMiddleware")


class Before(NamedTuple):
    """What it means for pages.

    Attributes:
        language: The visitor's language is chosen already: any text may be a translation.
        nonces: A policy is written into the head of each answer when our middleware has let it go, with the
            nonce that the application got. So that one can be no hole.
    """

    language: bool
    nonces: bool


def look() -> Before:
    """As the project has it now."""
    return Before(any(map(_stands_before, LOCALE)), any(map(_stands_before, NONCES)))


def _stands_before(name: str) -> bool:
    return any(is_a(path, name) for path in paths())


def paths() -> list[str]:
    """The middlewares before ours; none if ours isn't there."""
    listed = list(settings.MIDDLEWARE)
    at = next((at for at, path in enumerate(listed) if path in MIDDLEWARE), 0)
    return listed[:at]


def is_a(path: str, name: str) -> bool:
    """Whether a middleware is one of these, or made from it."""
    try:
        kind: Any = import_string(path)
        base: Any = import_string(name)
    except ImportError:
        return False  # it isn't there, or Django itself says what is wrong with it
    return isinstance(kind, type) and issubclass(kind, base)
