"""Who asks, and for what: one request as the rules see it, and what is known of it when a page asks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from importlib import import_module
from typing import Any, ClassVar
from urllib.parse import quote

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import DisallowedHost
from django.http import HttpResponse
from django.middleware.csrf import CSRF_SESSION_KEY
from django.utils import translation

from afresh.core.keys import canonical
from afresh.django.pages.given import Given
from afresh.django.pages.meta import Meta
from afresh.django.pages.noticing import Cookies, Headers, Reads
from afresh.django.pages.request import noticing_type
from afresh.django.pages.session import WatchedSession, watched
from afresh.errors import UnkeyableArgument
from afresh.http.gateways.environ import pairs_of, with_fields
from afresh.http.requests.asked import Asked
from afresh.http.requests.known import names_in, value_in
from afresh.http.requests.noticing import NoticingScope, Outer
from afresh.http.requests.reading import QUERY, Client
from afresh.http.requests.watching import OF_THE_SERVER
from afresh.rfc import Fields, Request

_ENCODING = "HTTP_ACCEPT_ENCODING"
_SAFE = "/~!$&'()*+,;=:@"
_ending = SessionMiddleware(lambda request: HttpResponse())


class NotLoaded(Exception):
    """The session has to be read first, which an event loop can't do in the middle of this."""


class Visitor:
    """One request, from before the application sees it.

    Attributes:
        request: Django's.
        fields: The request's, as they came.
        given: What middlewares before ours have put on it.
        reads: What the application read of it, once it is watched.
        asynchronous: Nothing may be read from a database here.
    """

    def __init__(self, request: Any, *, asynchronous: bool = False) -> None:
        self.request = request
        self.given = Given(request)
        self.reads: Reads | None = None
        self.asynchronous = asynchronous
        self._meta: dict[str, Any] = request.META
        self._scope: dict[str, Any] = getattr(request, "scope", {})
        self._before = self._scope
        self.fields = Fields.of(pairs_of(self._meta))
        self._cookies: dict[str, str] = request.COOKIES
        self._store: Any = None
        self._session_key: Any = None

    # -- the request ----------------------------------------------------------------------------

    def asked(self) -> Asked | None:
        """The request as the rules see it; `None` where its host isn't one of ALLOWED_HOSTS."""
        request = self.request
        try:
            authority = request.get_host().encode("latin-1", "replace")
        except DisallowedHost:
            return None
        seen = Request(
            method=request.method,
            scheme=request.scheme,
            authority=authority,
            path=quote(request.path, safe=_SAFE).encode(),
            query=self._meta.get("QUERY_STRING", "").encode("utf-8", "surrogateescape"),
            fields=self.fields,
            content=None,
        )
        return Asked(seen, self._meta.get("REMOTE_ADDR", ""), self.known, apart=self.given.apart)

    @property
    def agent(self) -> str:
        """The visitor's program."""
        return str(self._meta.get("HTTP_USER_AGENT", ""))

    @property
    def has_session(self) -> bool:
        """Whether it may be in the course of a session."""
        return settings.SESSION_COOKIE_NAME in self._cookies

    # -- what is known of it --------------------------------------------------------------------

    def known(self, name: str) -> str | None:
        """What it has for something that a page was made from, spelled; `None` where it can't be."""
        kind, _, which = name.partition(":")
        if kind == "crumb":
            return _spelled(self._cookies.get(which))
        if kind == "attribute":
            return self.given.spelled(which)
        if kind == "environ":
            return _spelled([which in self._meta, self._meta.get(which)])
        if kind == "scope":
            return value_in(self._before, which)
        if kind == "scope names":
            return _spelled(names_in(self._before, _Scope.silent))
        if kind == "language":
            with nullcontext() if self.reads is None else self.reads.not_listening():
                return self._language()
        if kind == "token":
            return str(CSRF_SESSION_KEY in self.session())
        if kind == "session key":
            return _spelled(self._cookies.get(settings.SESSION_COOKIE_NAME))
        data = self.session()
        return _spelled([which in data, data.get(which)] if which else data)

    def session(self) -> dict[str, Any]:
        """The values of its session, as they were when they were loaded."""
        store = self.store()
        if self.asynchronous and store.afresh_data is None and self.has_session:
            raise NotLoaded
        data: dict[str, Any] = store.afresh_loaded()
        return data

    async def load(self) -> None:
        """Load the session, on an event loop."""
        from asgiref.sync import sync_to_async

        store = self.store()
        if hasattr(SessionBase, "aload"):  # since Django 5.1
            await store.afresh_aloaded()
        else:
            await sync_to_async(store.afresh_loaded)()

    def store(self) -> Any:
        """Its session."""
        if self._store is None:
            made: Any = watched(import_module(settings.SESSION_ENGINE).SessionStore)
            self._store = made(self._cookies.get(settings.SESSION_COOKIE_NAME))
            self._session_key = self._store._session_key
        return self._store

    def _language(self) -> str:
        """What LocaleMiddleware makes of it."""
        request = self.request
        urls = getattr(request, "urlconf", settings.ROOT_URLCONF)
        in_paths, prefixed = is_language_prefix_patterns_used(urls)
        language: str = translation.get_language_from_request(request, check_path=in_paths)
        if in_paths and not prefixed and not translation.get_language_from_path(request.path_info):
            language = settings.LANGUAGE_CODE
        return language

    # -- the application ------------------------------------------------------------------------

    def watch(self, reads: Reads) -> None:
        """Let the application see a request that notices what is read of it.

        Its fields are those of `reads`: where others wait for the whole page, it is asked for without conditions.
        """
        request, self.reads = self.request, reads
        plain = dict(with_fields(self._meta, self.fields, reads.fields))
        plain.pop(_ENCODING, None)  # what is compressed has no holes to fill any more
        meta = Meta(plain).watched_by(reads)
        request.META = meta
        if hasattr(request, "environ"):
            request.environ = meta
        if hasattr(request, "scope"):
            self._before = dict(self._scope)
            request.scope = _watched(self._scope, reads)
        cookies = Cookies(self._cookies)
        cookies.reads = reads
        request.COOKIES = cookies
        request.headers = Headers(plain, reads)
        request._afresh = self
        read_before = request.content_type, request.content_params
        kind: Any = type(request)
        request.__class__ = noticing_type(kind, all_names=bool(self.given.values))
        request.content_type, request.content_params = read_before

    def speaks(self) -> None:
        """Any text may be a translation into his language."""
        if self.reads is not None:
            self.reads.read("language")

    def let_go(self) -> None:
        """Let the request be one that nobody watches, for whoever stands before this middleware."""
        request = self.request
        if self.reads is None:
            return
        self.reads = None
        del request._afresh
        request.META = dict(dict.items(request.META))
        if hasattr(request, "scope"):
            request.scope = self._scope
        if _ENCODING in self._meta:
            request.META[_ENCODING] = self._meta[_ENCODING]
        request.COOKIES = dict(dict.items(request.COOKIES))
        del request.headers

    def took_leave(self, response: Any) -> Any:
        """The response of a hit for which his session was looked at: is it gone, Django has its cookie removed."""
        store, request = self._store, self.request
        if store is None or not self.has_session or hasattr(request, "session"):
            return response  # who has opened one before sees to it
        if store.modified and self.asynchronous:
            return response  # to write a new one in the place of what is forged may take a database
        request.session = store
        try:
            return _ending.process_response(request, response)
        finally:
            del request.session

    def adopt(self, session: Any) -> Any:
        """The session that Django's middleware has made, noticing what is read of it."""
        store: Any = self.store()
        kind: Any = type(session)
        ours = watched(kind) is type(store)
        if not ours:
            return session  # `settle` sees that it isn't watched
        if session._session_key != self._session_key:
            return session
        store.afresh_reads = self.reads
        return store

    def settle(self) -> None:
        """The answer is made: was the session changed?"""
        session: Any = getattr(self.request, "session", None)
        reads = self.reads
        if reads is None or session is None:
            return
        if not isinstance(session, WatchedSession):
            if getattr(session, "accessed", True):
                reads.refuse(f"its session is a {type(session).__qualname__}, which isn't watched")
        elif session.modified or session.afresh_saved or session is not self._store:
            reads.refuse("the session was changed")


class _Scope(NoticingScope):
    """Its user and its session, if it has any, are not Django's."""

    known: ClassVar[Mapping[object, str]] = {"query_string": QUERY}
    silent = OF_THE_SERVER - {"state"}


def _watched(scope: dict[str, Any], reads: Reads) -> NoticingScope:
    """A request's scope, noticing."""
    given = {**scope, "headers": reads.named()}
    if given.get("client"):
        given["client"] = Client.of(given["client"], reads)
    return _Scope.of(given, reads, Outer(scope), _Scope.silent)


def visitor_of(request: Any) -> Visitor | None:
    """Who sends a request that is watched."""
    found: Visitor | None = getattr(request, "_afresh", None)
    return found


def vary_of(response: Any) -> set[bytes]:
    """What a response names in `Vary`, in lower case."""
    if not response.has_header("Vary"):
        return set()
    return {each.strip().lower().encode("latin-1") for each in response.headers["Vary"].split(",")}


def _spelled(value: object) -> str | None:
    try:
        return canonical(value)
    except UnkeyableArgument:
        return None
