"""`CacheMiddleware` for any WSGI application."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Unpack

from afresh.cache import Cache
from afresh.core.ports import Runtime
from afresh.http.answers.exchange import Exchange
from afresh.http.answers.flow import Flow
from afresh.http.answers.reply import Reply
from afresh.http.gateways.environ import Environ, asked_in, parts_of, with_fields, without_content
from afresh.http.gateways.iterating import Application, Running, StartResponse, filled, pairs_of, status_line
from afresh.http.hits.duties import Debt, Hit
from afresh.http.hits.quick import Quick
from afresh.http.options import Given
from afresh.http.requests import query
from afresh.http.requests.asked import Asked
from afresh.runtime.drive import drive

__all__ = ["Application", "CacheMiddleware", "StartResponse"]


class CacheMiddleware:
    """Answers from the cache what may be answered from it; the application answers the rest.

    ::

        application = CacheMiddleware(application, cache=Cache())

    Threads may share it. See `afresh.asgi.CacheMiddleware`.

    Args:
        app: Any WSGI application.
        cache: Where pages live, or a pool of it: `cache.pool("pages")`.
        options: See `Options`.

    Raises:
        ConfigurationError: An option makes no sense.
    """

    def __init__(self, app: Application, cache: Cache, **options: Unpack[Given]) -> None:
        self.app = app
        self._flow = Flow(cache, options)
        self._quick = Quick(self._flow.pages)
        self._runtime = self._flow.engine.threads

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        parts, quick = parts_of(environ), self._quick
        ready = quick.find(environ["REQUEST_METHOD"], *parts)
        if ready is not None:
            start_response(status_line(ready.status), pairs_of(ready.headers))
            return [ready.body]
        asked = self._asked(environ)
        ready = quick.find(environ["REQUEST_METHOD"], *parts, quick.doing) if quick.doing else None
        if ready is not None:
            return self._hit(self._flow.of_ready(ready, asked), asked, environ, start_response)
        if asked.request.method == query.METHOD:
            asked, environ = query.read_from(asked, environ)
        plan = drive(self._flow.plan(self._runtime, asked))
        if plan is None:
            return self.app(environ, start_response)
        if isinstance(plan, Exchange):
            return self._ask(plan, asked, environ, start_response)
        if plan.entry is not None:
            quick.learn(*parts, plan.entry)
        elif plan.doing is not None and plan.doing.entry is not None:
            quick.learn(*parts, plan.doing.entry, doing=True)
        return self._hit(plan, asked, environ, start_response)

    def _ask(
        self, exchange: Exchange, asked: Asked, environ: Environ, start_response: StartResponse
    ) -> Running:
        changed = self._watched(exchange, environ, asked)
        return Running(exchange, self.app, changed, start_response).begun()

    def _hit(
        self, plan: Reply, asked: Asked, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """A page answers; perhaps with something to be done for it first."""
        hit = None if plan.doing is None else Hit(environ, plan.doing)
        if hit is not None and not self._admitted(hit, later=plan.refresh):
            return self._ask(self._flow.refused(self._runtime, asked, hit), asked, environ, start_response)
        plan = filled(plan, self._flow.rules.base, environ)
        head = plan.head if hit is None else hit.on(plan.head)
        start_response(status_line(head.status), pairs_of(head.fields))
        if not plan.refresh:
            return [plan.content]
        return _Sent(plan.content, lambda: self._refresh(asked, environ, hit))

    def _admitted(self, hit: Hit, *, later: bool) -> bool:
        """Do what there is to do for a hit; says whether the page may answer."""
        return drive(hit.admit(self._flow.engine, self._flow.effects, later=later))

    def flush(self) -> None:
        """Do now what hits have left to do.

        Raises:
            Exception: What a function of `replay` raised.
        """
        self._flow.effects.flush()

    def _asked(self, environ: Environ) -> Asked:
        """The request, as a framework's glue knows it."""
        return asked_in(environ)

    def _watched(self, exchange: Exchange, environ: Environ, asked: Asked) -> Environ:
        """The environ that the application gets; a framework's glue has its reads noticed."""
        return with_fields(environ, asked.request.fields, exchange.fields)

    def _refresh(self, asked: Asked, environ: Environ, hit: Hit | None) -> None:
        """Have the application answer once more, with nobody waiting: that does what the hit has left to do."""
        calm = without_content(environ)
        debt = Debt(hit, self._flow.effects)

        async def job(runtime: Runtime) -> None:
            try:
                exchange = await self._flow.refreshing(runtime, asked)
                if exchange is not None:
                    self._run_behind(exchange, self._watched(exchange, calm, asked))
                    debt.paid()
            except Exception as error:
                self._flow.failed_behind(asked, error)
            finally:
                debt.due()

        if not self._runtime.spawn(job):
            debt.due()

    def _run_behind(self, exchange: Exchange, environ: Environ) -> None:
        with closing(Running(exchange, self.app, environ, _nobody).begun()) as running:
            for _ in running:
                pass


class _Sent:
    """A whole answer; when the server has sent it, something is still to be done."""

    def __init__(self, content: bytes, then: Callable[[], object]) -> None:
        self._content = content
        self._then = then

    def __iter__(self) -> Iterator[bytes]:
        yield self._content

    def close(self) -> None:
        """It is sent."""
        self._then()


def _nobody(*_: object) -> Callable[[bytes], object]:
    """The `start_response` of a refresh."""
    return lambda piece: None
