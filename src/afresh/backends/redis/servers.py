"""The client: commands to the right server, in both worlds, and once more where that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from afresh.backends.redis.address import Address
from afresh.backends.redis.client import Argument, ErrorReply, Reply, Script
from afresh.backends.redis.commands import READS, is_safe, key_of, written
from afresh.backends.redis.topology.node import Node
from afresh.backends.redis.topology.topology import Topology, Unmapped
from afresh.backends.redis.wire.beside import beside
from afresh.backends.redis.wire.dedicated import DedicatedConnection
from afresh.backends.redis.wire.resp import pack, pack_many
from afresh.errors import BackendError
from afresh.runtime.world import suspending_loop

T = TypeVar("T")
Command = Sequence[Argument | Script]

_HOPS = 5  # a key that moves is followed so many times


class RedisClient:
    """See `client.Client`."""

    def __init__(self, address: Address, topology: Topology) -> None:
        self.address = address
        self._topology = topology
        self._only = topology.only
        self._timeout = address.timeout
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(
        self, *command: Argument, key: Argument | None = None, timeout: float | None = None
    ) -> Reply:
        """See `Client`."""
        node = self._only or await self._node(key_of(command) if key is None else key)
        loop = suspending_loop()
        if loop is None:
            reply = node.pool.ask(pack(command), timeout or self._timeout, command[0] in READS)
        else:
            reply = await node.loops.ask(loop, pack(command), timeout or self._timeout, command[0] in READS)
        if type(reply) is ErrorReply:
            return await self._refused(reply, command, timeout)
        return reply

    def getter(self) -> Callable[[bytes], Reply] | None:
        """See `Client`."""
        return None if self._only is None else self._only.pool.get

    def beginner(self) -> Callable[[bytes], asyncio.Future[Reply] | None] | None:
        """See `Client`."""
        return None if self._only is None else self._only.loops.begin

    async def run_many(self, commands: Sequence[Command]) -> list[Reply]:
        """See `Client`."""
        replies: list[Reply] = [None] * len(commands)
        try:
            shares = await self._shares(commands)
        except BackendError as error:
            return [error] * len(commands)
        await self._each([self._share(node, commands, share, replies) for node, share in shares.items()])
        for index, reply in enumerate(replies):
            if type(reply) is ErrorReply:
                with suppress(BackendError):
                    replies[index] = await self._refused(reply, commands[index], None)
        return replies

    async def script(
        self,
        script: Script,
        keys: Sequence[Argument],
        arguments: Sequence[Argument] = (),
        *,
        timeout: float | None = None,
    ) -> Reply:
        """See `Client`."""
        command = (script, len(keys), *keys, *arguments)
        node = self._only or await self._node(key_of(command))
        data = pack(("EVALSHA", script.digest, *command[1:]))  # type: ignore[arg-type]
        reply = await self._ask(node, data, timeout, script.safe)
        if type(reply) is ErrorReply:
            return await self._refused(reply, command, timeout)
        return reply

    def submit(self, *command: Argument) -> None:
        """See `Client`."""
        self._submit(command)

    def submit_script(
        self, script: Script, keys: Sequence[Argument], arguments: Sequence[Argument] = ()
    ) -> None:
        """See `Client`."""
        self._submit((script, len(keys), *keys, *arguments))

    def dedicated(self, key: Argument | None = None) -> DedicatedConnection:
        """See `Client`."""
        try:
            node = self._topology.node(key)
        except Unmapped:
            self._topology.refresh()
            node = self._topology.node(key)
        return DedicatedConnection(node.source.connect(), node.source.forget)

    async def everywhere(self, *command: Argument) -> list[Reply]:
        """See `Client`."""
        try:
            nodes = self._topology.primaries()
        except Unmapped:
            await self._beside(self._topology.refresh)
            nodes = self._topology.primaries()
        replies: list[Reply] = [None] * len(nodes)
        data, safe = pack(command), is_safe(command)

        async def one(index: int, node: Node) -> None:
            try:
                replies[index] = await self._ask(node, data, None, safe)
            except BackendError as error:
                replies[index] = error

        await self._each([one(index, node) for index, node in enumerate(nodes)])
        return replies

    def look_after(self) -> None:
        """See `Client`."""
        self._topology.look_after()

    def inspect(self) -> dict[str, object]:
        """See `Client`."""
        return {"address": self.address.name, **self._topology.inspect()}

    def close(self) -> None:
        """See `Client`."""
        self._topology.close()

    # --------------------------------------------------------------------------------------------

    async def _node(self, key: Argument | None) -> Node:
        try:
            return self._topology.node(key)
        except Unmapped:
            await self._beside(self._topology.refresh)
            return self._topology.node(key)

    async def _ask(self, node: Node, data: bytes, timeout: float | None, safe: bool) -> Reply:
        loop = suspending_loop()
        if loop is None:
            return node.pool.ask(data, timeout or self._timeout, safe)
        return await node.loops.ask(loop, data, timeout or self._timeout, safe)

    async def _ask_many(
        self, node: Node, commands: Sequence[tuple[Argument, ...]], safe: bool
    ) -> list[Reply]:
        data, count = pack_many(commands), len(commands)
        loop = suspending_loop()
        if loop is None:
            return node.pool.ask_many(data, count, self._timeout, safe)
        return await node.loops.ask_many(loop, data, count, self._timeout, safe)

    async def _refused(self, refused: ErrorReply, command: Command, timeout: float | None) -> Reply:
        """The server answered with an error: perhaps another one has the key, or it forgot a script.

        Raises:
            ErrorReply: The refusal stands.
        """
        known = True
        node: Node | None = None
        for _ in range(_HOPS):
            asking = False
            if refused.code == "NOSCRIPT" and isinstance(command[0], Script):
                known = False
                node = node or self._only or await self._node(key_of(command))
            elif (hop := self._topology.redirect(refused)) is not None:
                node, asking = hop
            else:
                break
            data = written(command, known=known)
            if asking:
                reply = (await self._ask_many(node, [("ASKING",), data], is_safe(command)))[1]
            else:
                reply = await self._ask(node, pack(data), timeout, is_safe(command))
            if type(reply) is not ErrorReply:
                return reply
            refused = reply
        raise refused

    async def _shares(self, commands: Sequence[Command]) -> dict[Node, range | list[int]]:
        """Which node gets which of the commands."""
        if self._only is not None:
            return {self._only: range(len(commands))} if commands else {}
        shares: dict[Node, range | list[int]] = {}
        for index, command in enumerate(commands):
            node = await self._node(key_of(command))
            share = shares.setdefault(node, [])
            assert isinstance(share, list)
            share.append(index)
        return shares

    async def _share(
        self, node: Node, commands: Sequence[Command], share: Sequence[int], replies: list[Reply]
    ) -> None:
        """Have a node do its share; if it can't be reached, that is the answer to each of its commands."""
        theirs = [commands[index] for index in share]
        try:
            answers = await self._ask_many(
                node, [written(command) for command in theirs], all(map(is_safe, theirs))
            )
        except BackendError as error:
            answers = [error] * len(share)
        for index, answer in zip(share, answers, strict=True):
            replies[index] = answer

    async def _each(self, jobs: Sequence[Coroutine[Any, Any, None]]) -> None:
        """At the same time where that is possible."""
        if len(jobs) > 1 and suspending_loop() is not None:
            await asyncio.gather(*jobs)
        else:
            for job in jobs:
                await job

    async def _beside(self, work: Callable[[], T]) -> T:
        """Something that blocks, without stopping an event loop."""
        loop = suspending_loop()
        return work() if loop is None else await beside(loop, work, lambda _: None)

    def _submit(self, command: Command) -> None:
        with suppress(BackendError):
            node = self._only or self._topology.node(key_of(command))
            node.breaker.check()
            data = pack(self._for(node, command))
            loop = suspending_loop()
            if loop is None:
                node.pool.post(data, self._timeout)
            elif not node.loops.post(loop, data):
                self._keep(loop.create_task(self._later(node, data)))

    async def _later(self, node: Node, data: bytes) -> None:
        with suppress(BackendError):
            await self._ask(node, data, None, False)

    def _keep(self, task: asyncio.Task[None]) -> None:
        # The loop holds tasks weakly: without this one could vanish in the middle.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _for(self, node: Node, command: Command) -> tuple[Argument, ...]:
        """Nobody hears that a script is not known, so the first time its text is sent."""
        script = command[0]
        if not isinstance(script, Script):
            return written(command)
        known = script.digest in node.source.scripts
        node.source.scripts.add(script.digest)
        return written(command, known=known)
