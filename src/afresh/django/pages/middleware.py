"""`Middleware`, the first of MIDDLEWARE: pages of the application, kept and served again.

INSTALLED_APPS += ["afresh.django"]
MIDDLEWARE = ["afresh.django.Middleware", *MIDDLEWARE]
"""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.middleware.gzip import GZipMiddleware
from django.utils.module_loading import import_string

from afresh.core.ports import Runtime
from afresh.django.pages import answers, before, ending, holes, quiet
from afresh.django.pages.obstacles import Obstacles
from afresh.django.pages.options import flow_of
from afresh.django.pages.run import Run
from afresh.django.pages.visitor import NotLoaded, Visitor, visitor_of
from afresh.django.project import project_cache
from afresh.http.answers.exchange import Exchange
from afresh.http.answers.reply import Reply
from afresh.http.hits.duties import Debt, Hit
from afresh.http.hits.quick import Quick
from afresh.http.requests.asked import Asked
from afresh.rfc import Head
from afresh.runtime.drive import drive


class Middleware:
    """Answers from the cache what may be answered from it; the application answers the rest.

    What stands before it in MIDDLEWARE runs for hits too, what stands after it doesn't:
    `manage.py check` says what of that matters.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response
        self.asynchronous = iscoroutinefunction(get_response)
        if self.asynchronous:
            markcoroutinefunction(self)
        if not apps.is_installed("afresh.django"):
            raise ImproperlyConfigured(
                'afresh.django.Middleware sees no reads of databases: add "afresh.django" to INSTALLED_APPS.'
            )
        quiet.install()
        holes.install()
        self._flow = flow_of()
        if self.asynchronous:
            ending.flushed_at_the_end(self._flow.effects)
        self._quick = Quick(self._flow.pages)
        self._obstacles = Obstacles(project_cache())
        engine = self._flow.engine
        self._runtime: Runtime = engine.loop if self.asynchronous else engine.threads
        self._agents: list[re.Pattern[str]] = list(settings.DISALLOWED_USER_AGENTS)
        self._compress = _compressing()
        self._before = before.look()

    def __call__(self, request: Any) -> Any:
        """Answer one request."""
        if visitor_of(request) is not None:
            return self.get_response(request)  # this middleware is there twice, and the first one is at work
        visitor = Visitor(request, asynchronous=self.asynchronous)
        asked = self._asked(visitor)
        if self.asynchronous:
            return self._answer_later(visitor, asked)
        if asked is None:
            return self.get_response(request)
        response = self._at_once(asked)
        if response is None:
            response = drive(self._answer(visitor, asked))
        return self._compressed(visitor, response)

    async def _answer_later(self, visitor: Visitor, asked: Asked | None) -> Any:
        if asked is None:
            return await self.get_response(visitor.request)
        response = self._at_once(asked)
        if response is None:
            response = await self._answer(visitor, asked)
        return self._compressed(visitor, response)

    # -- steps ----------------------------------------------------------------------------------

    def _asked(self, visitor: Visitor) -> Asked | None:
        """The request; `None` where it is the application's alone.

        A hit is still a request: hosts and programs that Django turns away are turned away.
        """
        agent = visitor.agent if self._agents else ""
        if any(each.search(agent) for each in self._agents):
            return None
        if settings.SESSION_SAVE_EVERY_REQUEST and visitor.has_session:
            return None  # each request makes the session last longer
        if visitor.request.encoding is not None:
            return None  # its query is read in another way: a field says so that is in no key
        return visitor.asked()

    def _at_once(self, asked: Asked) -> Any:
        """A hit in memory, if the request is a plain one."""
        seen = asked.request
        ready = self._quick.find(seen.method, _place(asked), seen.path, seen.query, seen.fields.pairs)
        return None if ready is None else answers.of_pairs(ready.status, ready.headers, ready.body)

    async def _answer(self, visitor: Visitor, asked: Asked) -> Any:
        try:
            plan = await self._flow.plan(self._runtime, asked)
        except NotLoaded:
            await visitor.load()
            plan = await self._flow.plan(self._runtime, asked)
        hit = None
        if isinstance(plan, Reply) and plan.doing is not None:
            hit = Hit(visitor.request, plan.doing)
            if not await hit.admit(self._flow.engine, self._flow.effects, later=plan.refresh):
                plan = self._flow.refused(self._runtime, asked, hit)
        if isinstance(plan, Exchange):
            return await self._run(plan, visitor)
        if plan is None:
            return await self._ask(visitor.request)
        return self._hit(plan, hit, visitor, asked)

    def _hit(self, reply: Reply, hit: Hit | None, visitor: Visitor, asked: Asked) -> Any:
        """The response of a page that is kept."""
        names = reply.holes
        if reply.fill is not None:
            reply = reply.fill({name: self._fill(name, visitor) for name in names})
            reply = reply._replace(head=Head(reply.head.status, answers.for_one(reply.head.fields)))
        elif reply.entry is not None:
            seen = asked.request
            self._quick.learn(_place(asked), seen.path, seen.query, seen.fields.pairs, reply.entry)
        response = answers.of_reply(reply if hit is None else reply._replace(head=hit.on(reply.head)))
        if holes.CSRF in names:
            response = holes.with_secret(visitor.request, response)
        response = visitor.took_leave(response)
        if reply.refresh and self.asynchronous:
            self._refresh(asked, visitor, hit)
        elif reply.refresh:
            response._resource_closers.append(lambda: self._refresh(asked, visitor, hit))
        return response

    def _fill(self, name: str, visitor: Visitor) -> Any:
        return self._flow.rules.base.holes[name](visitor.request)

    async def _ask(self, request: Any) -> Any:
        """What the application answers."""
        response = self.get_response(request)
        return await response if self.asynchronous else response

    async def _run(self, exchange: Exchange, visitor: Visitor) -> Any:
        """Have the application answer, and keep that if it may be kept."""
        run = Run(exchange, visitor, self._fill, self._obstacles)
        run.begin()
        if self._before.language:
            visitor.speaks()
        if self._before.nonces:
            holes.without_nonces()
        try:
            return await run.answered(await self._ask(visitor.request))
        finally:
            run.leave()
            visitor.let_go()

    def _compressed(self, visitor: Visitor, response: Any) -> Any:
        if self._compress is None:
            return response
        return self._compress.process_response(visitor.request, response)

    def _refresh(self, asked: Asked, visitor: Visitor, hit: Hit | None) -> None:
        """Have the application answer once more, with nobody waiting: that does what the hit has left to do."""
        debt = Debt(hit, self._flow.effects)

        async def job(runtime: Runtime) -> None:
            try:
                exchange = await self._flow.refreshing(runtime, asked)
                if exchange is not None:
                    again = Visitor(_once_more(visitor), asynchronous=self.asynchronous)
                    response = await self._run(exchange, again)
                    close = sync_to_async(response.close) if self.asynchronous else response.close
                    closed = close()
                    if closed is not None:
                        await closed
                    debt.paid()
            except Exception as error:
                self._flow.failed_behind(asked, error)
            finally:
                debt.due()

        if not self._runtime.spawn(job):
            debt.due()


def _place(asked: Asked) -> str:
    """Where hits are found at once: by the scheme, and apart for those who are asked for apart."""
    return f"{asked.request.scheme} {asked.apart}" if asked.apart else asked.request.scheme


def _once_more(visitor: Visitor) -> Any:
    """The same request as it came to us, without its content."""
    request = visitor.request
    if hasattr(request, "scope"):
        made = type(request)({**request.scope, "method": "GET"}, BytesIO())
    else:
        environ = {**request.environ, "REQUEST_METHOD": "GET", "wsgi.input": BytesIO(), "CONTENT_LENGTH": ""}
        made = type(request)(environ)
    visitor.given.put_on(made)
    return made


def _compressing() -> Any:
    """GZipMiddleware, where the project has it: with holes to fill, only what leaves can be compressed."""
    for path in settings.MIDDLEWARE:
        kind = import_string(path)
        if isinstance(kind, type) and issubclass(kind, GZipMiddleware):
            return kind(lambda request: HttpResponse())
    return None
