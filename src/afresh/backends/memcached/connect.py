"""The client of this room: from a URL to something that can be asked, in both worlds."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from operator import itemgetter

from afresh.backends.memcached.address import Address, parse
from afresh.backends.memcached.client import Reader, Request, Response
from afresh.backends.memcached.ketama import Ring
from afresh.backends.memcached.server import Server
from afresh.backends.memcached.store.large import is_head, is_large
from afresh.backends.memcached.store.whole import completed, small_writes, written
from afresh.backends.memcached.wire.batch import Gets, batch_of, may_repeat
from afresh.backends.memcached.wire.exchange import Share, ask_blocking, ask_on, grouped
from afresh.errors import BackendError, CacheClosed
from afresh.runtime.drive import drive
from afresh.runtime.world import suspending_loop

_PORTION = 32_768  # bytes of reads that are sent before their answers are read: sockets hold so much
_PORTION_OF_KEYS = 256


def open_client(url: str) -> MemcachedClient:
    """A client of the servers that a URL names. Nothing is connected before something is asked.

    Raises:
        ConfigurationError: The URL is none, or its TLS files can't be used.
    """
    return MemcachedClient(parse(url))


class MemcachedClient:
    """Implements the port `Client`.

    Attributes:
        address: What the URL said: timeouts, the ledger's name, the policy for large values.
        servers: Names of the servers, in the order of the URL.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._timeout = address.timeout
        self.servers = tuple(map(str, address.endpoints))
        tls = None if address.tls is None else address.tls.context()
        self._servers = [Server(address, endpoint, tls) for endpoint in address.endpoints]
        self._ring = Ring(address.endpoints) if len(self._servers) > 1 else None

    async def run(self, *requests: Request, timeout: float | None = None) -> list[Response]:
        """Send all, pipelined, each to its server; the answers in the same order.

        A server that fails gives its requests an `error`; the others are answered. Values over the size
        of an item are divided or refused, and put together when read (see `large`).

        Raises:
            ValueError: A request can't be sent: no such command, a flag with a space, `q`.
        """
        timeout = timeout or self._timeout

        quick = self._quick(requests[0], timeout) if len(requests) == 1 else None
        if quick is not None:
            answers = [quick]
        elif any(is_large(each, self._place(each)[1]) for each in requests):
            answers = await written(
                requests, partial(self._exchange, timeout=timeout), self._place, self.address.large
            )
        else:
            answers = await self._exchange(requests, timeout)
        if any(map(is_head, answers)):
            answers = await completed(
                requests, answers, partial(self._exchange, timeout=timeout), self._place
            )
        return answers

    async def one(self, request: Request, *, timeout: float | None = None) -> Response:
        """`run` for one request.

        Raises:
            BackendError: Its server failed, or answered with an error.
        """
        timeout = timeout or self._timeout
        response = self._quick(request, timeout)
        if response is None:
            response = (await self.run(request, timeout=timeout))[0]
        elif response.value is not None and is_head(response):
            response = (await self._completed([request], [response], timeout))[0]
        if response.error:
            raise BackendError(response.error)
        return response

    def readers(self) -> Sequence[Reader]:
        """The quick way to a value, by server."""
        return [server.value for server in self._servers]

    async def get_many(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Values that are there; others' failures are misses. A value of 0 bytes is a stub, and is none."""
        timeout = self.address.timeout
        shares, asked = [], []
        for owner, positions in grouped(map(self.server_of, keys)).items():
            own = [keys[at] for at in positions]
            batches = [
                Gets.of(own[at : at + _PORTION_OF_KEYS], timeout)
                for at in range(0, len(own), _PORTION_OF_KEYS)
            ]
            shares.append(Share(self._servers[owner], batches, repeatable=True))
            asked.append(own)
        await self._ask(shares, timeout)
        found = {
            own[at]: value
            for own, share in zip(asked, shares, strict=True)
            for at, value in share.found()
            if value
        }
        return await self._put_together(found, timeout)

    async def _put_together(self, found: dict[bytes, bytes], timeout: float) -> dict[bytes, bytes]:
        heads = {
            key: response for key, value in found.items() if is_head(response := Response("VA", (), value))
        }
        if heads:
            requests = [Request("mg", key) for key in heads]
            whole = await self._completed(requests, [*heads.values()], timeout)
            for key, response in zip(heads, whole, strict=True):
                found.pop(key)
                if response.value is not None:
                    found[key] = response.value
        return found

    def submit(self, *requests: Request) -> None:
        """Send and don't care for the answers. Never suspends, hardly blocks; trouble is not told."""
        loop = suspending_loop()
        plan = small_writes(requests, self._place, self.address.large)
        small = [each for sent in plan if not isinstance(sent, str) for each in sent]
        for owner, positions in grouped(map(self._owner, small)).items():
            batch = batch_of([small[at] for at in positions], self.address.timeout)
            with suppress(BackendError, CacheClosed):
                if loop is not None:
                    self._servers[owner].line(loop).ask(batch)
                else:
                    self._servers[owner].submit(batch)

    def call(self, *requests: Request, timeout: float) -> list[Response]:
        """`run` for a thread of our own: always blocks."""
        return drive(self.run(*requests, timeout=timeout))

    def server_of(self, key: bytes) -> int:
        """Index of the server that holds a key."""
        return 0 if self._ring is None else self._ring.owner(key)

    def features(self, server: int) -> frozenset[str]:
        """What a server's version can (see `features`); nothing while it was never connected to."""
        return self._servers[server].facts.features

    def look_after(self) -> None:
        """Housekeeping: probe what did not answer, and what is not known yet. May block a little."""
        for server in self._servers:
            server.probe()

    def inspect(self) -> dict[str, object]:
        """Servers, their versions, how their breakers stand, and how full they are. Asks them: blocks."""
        return {
            "servers": {server.name: server.inspect() for server in self._servers},
            "large": self.address.large,
        }

    def close(self) -> None:
        """Hang up everything. Safe to call twice."""
        for server in self._servers:
            server.close()

    def _quick(self, request: Request, timeout: float) -> Response | None:
        """What an idle blocking connection answers; `None` where there is a reason to go the long way."""
        if suspending_loop() is not None:
            return None
        server = self._servers[0 if self._ring is None else self._owner(request)]
        if request.value is not None and is_large(request, server.facts.largest):
            return None
        return server.quick(request, timeout)

    def _owner(self, request: Request) -> int:
        return self.server_of(request.key) if request.server is None else request.server

    def _place(self, request: Request) -> tuple[int, int]:
        owner = self._owner(request)
        return owner, self._servers[owner].facts.largest

    async def _completed(
        self, requests: Sequence[Request], responses: list[Response], timeout: float
    ) -> list[Response]:
        return await completed(requests, responses, partial(self._exchange, timeout=timeout), self._place)

    async def _exchange(self, requests: Sequence[Request], timeout: float) -> list[Response]:
        """Ask for requests as they are."""
        shares, places = [], []
        for owner, positions in grouped(map(self._owner, requests)).items():
            own = [requests[at] for at in positions]
            batches = [batch_of(portion, timeout) for portion in _portions(own)]
            shares.append(Share(self._servers[owner], batches, repeatable=all(map(may_repeat, own))))
            places += positions
        await self._ask(shares, timeout)
        answers = [answer for share in shares for answer in share.answers()]
        return [answer for _, answer in sorted(zip(places, answers, strict=True), key=itemgetter(0))]

    async def _ask(self, shares: Sequence[Share], timeout: float) -> None:
        loop = suspending_loop()
        if not shares:
            return
        if loop is None:
            ask_blocking(shares, timeout)
        else:
            await ask_on(loop, shares)


def _portions(requests: Sequence[Request]) -> list[Sequence[Request]]:
    """Requests in portions: what follows reads has to wait until these could be answered."""
    portions: list[Sequence[Request]] = []
    begin = size = 0
    for at, request in enumerate(requests):
        length = len(request.key) + len(request.value or b"") + 64
        if size and size + length > _PORTION:
            portions.append(requests[begin:at])
            begin, size = at, 0
        size += length
    portions.append(requests[begin:])
    return portions
