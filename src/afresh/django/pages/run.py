"""One run of the application: its response becomes a page, if it may, and the response of this visitor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextvars import Token
from typing import Any

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage as MessageCookies

from afresh.core.ports import Runtime
from afresh.django.database.written import Written, writing
from afresh.django.pages import answers, holes, replaying
from afresh.django.pages.noticing import Reads
from afresh.django.pages.obstacles import Obstacles, obstacle_of
from afresh.django.pages.options import unkeyed
from afresh.django.pages.visitor import Visitor
from afresh.engine.asking.contexts import leave
from afresh.http.answers.exchange import Exchange
from afresh.http.holes import Filled, Refill, head_of, replaced
from afresh.rfc import Head


class Run:
    """See the module.

    Args:
        exchange: What the rules make of it.
        visitor: Who asks.
        fill: What stands in a hole for him.
        obstacles: Those that are known.
    """

    def __init__(
        self,
        exchange: Exchange,
        visitor: Visitor,
        fill: Callable[[str, Visitor], Filled],
        obstacles: Obstacles,
    ) -> None:
        self._exchange = exchange
        self._obstacles = obstacles
        self._written: list[Written] = []
        self._before: Token[list[Written] | None] | None = None
        self._visitor = visitor
        self._fill = fill
        self._reads = Reads(exchange.fields, unkeyed())

    def begin(self) -> None:
        """The application is about to be called, in this context."""
        self._visitor.watch(self._reads)
        self._exchange.watch(self._reads, self._visitor.settle)
        self._exchange.begin()
        self._before = writing.set(self._written)

    def leave(self) -> None:
        """It is over, however it ended."""
        self._exchange.leave()
        if self._before is not None:
            leave(writing, self._before)

    async def answered(self, response: Any) -> Any:
        """What the visitor gets, of what the application answered."""
        exchange = self._exchange
        self._refuse(response)
        head = await exchange.heard(self._head(response))
        if response.streaming:
            exchange.refuse("its content is streamed")
        else:
            exchange.content(response.content)
        if exchange.asked.options.noted:
            replaying.note(self._written)
        await exchange.complete(sent=bool(response.streaming))
        self._explain(response)
        with self._reads.not_listening():
            return self._replied(response) if exchange.reply is not None else self._own(response, head)

    def _refuse(self, response: Any) -> None:
        """What isn't kept whatever it says of itself."""
        request = self._visitor.request
        match = getattr(request, "resolver_match", None)
        if match is not None and "admin" in match.app_names:
            self._exchange.refuse("it is the admin's")
        elif request.method not in {"GET", "HEAD"}:
            self._exchange.refuse(f"the method {request.method[:20]}", remember=False)
        if holes.CSRF in self._exchange.marks.values() and settings.CSRF_USE_SESSIONS:
            self._reads.read("token")

    def _explain(self, response: Any) -> None:
        """Where a page isn't kept, say what would have to be declared."""
        exchange, request = self._exchange, self._visitor.request
        if exchange.told.stored or response.status_code != 200 or request.method != "GET":
            return
        cookies = set(response.cookies)
        if holes.CSRF in exchange.marks.values():
            cookies.discard(settings.CSRF_COOKIE_NAME)
        if cookies & _own_cookies() or self._reads.refused:
            return  # it is about this visitor alone
        named = " ".join(list(exchange.gathering.tracker.named))
        own = [each for each in self._written if any(table in named for table, _ in each.columns)]
        found = obstacle_of(
            request, sorted(cookies), self._written, [] if exchange.gathering.unchanged else own
        )
        found = found.left(exchange.asked.options)
        if not found:
            return
        exchange.pages.engine.not_kept(exchange.gathering.call.key, f"{found.why} {found.hint}")
        if self._obstacles.add(found):
            self._later(lambda: self._obstacles.tell(found))

    def _later(self, tell: Callable[[], object]) -> None:
        async def job(runtime: Runtime) -> None:
            tell()

        self._exchange.pages.engine.threads.spawn(job)

    def _head(self, response: Any) -> Head:
        """What the rules see of it: each visitor gets the cookie of his own token anyway."""
        token = holes.CSRF in self._exchange.marks.values()
        return answers.head_of(response, {settings.CSRF_COOKIE_NAME} if token else ())

    def _replied(self, response: Any) -> Any:
        """The response that the rules have made in the place of the application's."""
        reply = self._exchange.reply
        assert reply is not None
        names = reply.holes
        if reply.fill is not None:
            reply = reply.fill(self._values(names))
            reply = reply._replace(head=Head(reply.head.status, answers.for_one(reply.head.fields)))
        made = answers.of_reply(reply)
        made.cookies = response.cookies
        made._resource_closers.extend(response._resource_closers)
        return self._with_secret(made, names)

    def _own(self, response: Any, head: Head | None) -> Any:
        """The application's response, with what there is to say, and its holes filled."""
        assert head is not None
        exchange, marks = self._exchange, self._exchange.marks
        fields = exchange.outward(head).fields
        if not marks:
            answers.set_fields(response, fields)
            return response
        values = self._values(set(marks.values()))
        if response.streaming:
            content = None
            _refill(response, marks, values)
        else:
            content = replaced(response.content, marks, values)
            response.content = content
        answers.set_fields(response, head_of(answers.for_one(fields), marks, values, content))
        return self._with_secret(response, values)

    def _values(self, names: Iterable[str]) -> dict[str, Filled]:
        return {name: self._fill(name, self._visitor) for name in names}

    def _with_secret(self, response: Any, names: Iterable[str]) -> Any:
        if holes.CSRF in names:
            return holes.with_secret(self._visitor.request, response)
        return response


def _own_cookies() -> set[str]:
    """Cookies of Django's that are about one visitor: others get their pages, whether he got one or not."""
    return {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, MessageCookies.cookie_name}


def _refill(response: Any, marks: Any, values: Any) -> None:
    """Fill the holes of content that is streamed."""
    filling, content = Refill(), response.streaming_content

    def pieces() -> Iterator[bytes]:
        for piece in content:
            yield filling.piece(piece, marks, values, last=False)
        yield filling.piece(b"", marks, values, last=True)

    async def pieces_later() -> AsyncIterator[bytes]:
        async for piece in content:
            yield filling.piece(piece, marks, values, last=False)
        yield filling.piece(b"", marks, values, last=True)

    response.streaming_content = pieces_later() if getattr(response, "is_async", False) else pieces()
