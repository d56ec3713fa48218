"""What differs per visitor in pages that are shared: the token against forged forms, the nonces of a policy.

Django and django-csp make them in one function each, which is replaced: it gives a mark, for which
each visitor gets what the function makes for him.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from importlib import import_module
from typing import Any

from django.http import HttpResponse
from django.middleware import csrf

from afresh.engine.asking.contexts import leave
from afresh.http.holes import Filled, hole, punching
from afresh.http.requests.visit import visiting

CSRF = "csrf"
NONCE = "csp nonce"

_checking = csrf.CsrfViewMiddleware(lambda request: HttpResponse())


def install() -> None:
    """Replace the functions, once."""
    _replace(csrf, "_mask_cipher_secret", _masking)
    with suppress(ImportError):  # Django before 6.0 has none
        _replace(import_module("django.utils.csp"), "generate_nonce", _generating)
    with suppress(ImportError):
        _replace(import_module("csp.middleware").CSPMiddleware, "_make_nonce", _remembering)


def _replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    original = getattr(owner, name)
    if not hasattr(original, "__wrapped__"):
        setattr(owner, name, wraps(original)(make(original)))


def _masking(original: Callable[[str], str]) -> Callable[[str], str]:
    return lambda secret: hole(CSRF, lambda: original(secret))


def _generating(original: Callable[[], str]) -> Callable[[], str]:
    return lambda: _nonce(original)


def _nonce(make: Callable[[], str]) -> str:
    punch, visit = punching.get(), visiting.get()
    if punch is not None and NONCE not in punch.names and visit is not None and visit.reads is not None:
        visit.reads.refuse("its nonce stands in a policy that a middleware before this one writes")
    return hole(NONCE, make)


def without_nonces() -> None:
    """The nonces of the page that is being made are no holes: what is written by them comes too late."""
    punch = punching.get()
    if punch is not None:
        punch.names -= {NONCE}


def _remembering(original: Callable[[Any, Any], str]) -> Callable[[Any, Any], str]:
    """That of django-csp, whose policy finds it at the request."""

    def make(self: Any, request: Any) -> str:
        if not isinstance(getattr(request, "_csp_nonce", None), str):
            request._csp_nonce = _nonce(lambda: original(self, request))
        nonce: str = request._csp_nonce
        return nonce

    return make


def fillers() -> Mapping[str, Callable[[Any], Filled]]:
    """What fills them, for a request."""
    return {CSRF: token_of, NONCE: nonce_of}


def token_of(request: Any) -> Filled:
    """A token of this visitor's: of the secret that he has, or of a new one."""
    token = punching.set(None)
    try:
        if "CSRF_COOKIE" not in request.META:
            _checking.process_request(request)
        return Filled(csrf.get_token(request))
    finally:
        leave(punching, token)


def nonce_of(request: Any) -> Filled:
    """A nonce that nobody else has."""
    from secrets import token_urlsafe

    return Filled(token_urlsafe(16))


def with_secret(request: Any, response: Any) -> Any:
    """The response with the cookie (or the session) that the visitor's token is compared with."""
    return _checking.process_response(request, response)
