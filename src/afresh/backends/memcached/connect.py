"""The client of this room: from a URL to something that can be asked, in both worlds."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from afresh.backends.memcached.address import Address, parse
from afresh.backends.memcached.batch import Batch, Gets, batch_of, may_repeat
from afresh.backends.memcached.client import Request, Response
from afresh.backends.memcached.exchange import Share, ask_blocking, ask_on, grouped
from afresh.backends.memcached.ketama import Ring
from afresh.backends.memcached.server import Server
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
        self.servers = tuple(map(str, address.endpoints))
        tls = None if address.tls is None else address.tls.context()
        self._servers = [Server(address, endpoint, tls) for endpoint in address.endpoints]
        self._ring = Ring(address.endpoints) if len(self._servers) > 1 else None

    async def run(self, *requests: Request, timeout: float | None = None) -> list[Response]:
        """Send all, pipelined, each to its server; the answers in the same order.

        A server that fails gives its requests an `error`; the others are answered.

        Raises:
            ValueError: A request can't be sent: no such command, a flag with a space, `q`.
        """
        if not requests:
            return []
        timeout = timeout or self.address.timeout
        shares = self._shares(requests, timeout)
        await self._ask(shares, timeout)
        answers: list[Response] = [Response("")] * len(requests)
        for share in shares:
            responses = (response for batch in share.batches for response in batch.answers())
            for position, response in zip(share.positions, responses, strict=True):
                answers[position] = response
        return answers

    async def one(self, request: Request, *, timeout: float | None = None) -> Response:
        """`run` for one request.

        Raises:
            BackendError: Its server failed, or answered with an error.
        """
        response = (await self.run(request, timeout=timeout))[0]
        if response.error:
            raise BackendError(response.error)
        return response

    async def get_many(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Values that are there; others' failures are misses. A value of 0 bytes is a stub, and is none."""
        if not keys:
            return {}
        timeout = self.address.timeout
        shares = []
        for owner, positions in grouped(map(self.server_of, keys)).items():
            portions = [
                positions[at : at + _PORTION_OF_KEYS] for at in range(0, len(positions), _PORTION_OF_KEYS)
            ]
            batches: list[Batch] = [Gets.of([keys[at] for at in each], timeout) for each in portions]
            shares.append(Share(self._servers[owner], positions, batches, repeatable=True))
        await self._ask(shares, timeout)
        found: dict[bytes, bytes] = {}
        for share in shares:
            for number, batch in enumerate(share.batches):
                assert isinstance(batch, Gets)
                base = number * _PORTION_OF_KEYS
                found.update(
                    (keys[share.positions[base + at]], value) for at, value in batch.found.items() if value
                )
        return found

    def submit(self, *requests: Request) -> None:
        """Send and don't care for the answers. Never suspends, hardly blocks; trouble is not told."""
        loop = suspending_loop()
        for owner, positions in grouped(map(self._owner, requests)).items():
            batch = batch_of([requests[at] for at in positions], self.address.timeout)
            server = self._servers[owner]
            with suppress(BackendError, CacheClosed):
                if loop is not None:
                    server.line(loop).ask(batch)
                    continue
                connection = server.take()
                try:
                    connection.send(batch)
                except BackendError as error:
                    server.lost(connection, error)
                else:
                    server.give_back(connection)

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

    def _owner(self, request: Request) -> int:
        return self.server_of(request.key) if request.server is None else request.server

    def _shares(self, requests: Sequence[Request], timeout: float) -> list[Share]:
        shares = []
        for owner, positions in grouped(map(self._owner, requests)).items():
            own = [requests[at] for at in positions]
            batches = [batch_of(portion, timeout) for portion in _portions(own)]
            shares.append(Share(self._servers[owner], positions, batches, repeatable=may_repeat(own)))
        return shares

    async def _ask(self, shares: Sequence[Share], timeout: float) -> None:
        loop = suspending_loop()
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
