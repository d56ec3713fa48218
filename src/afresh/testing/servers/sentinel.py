"""A primary with replicas, watched by sentinels that put another in office when it dies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from afresh.testing.servers.process import wait_until
from afresh.testing.servers.redis import Flavour, RedisServer

_SERVICE = "mymaster"
_PATIENCE = 75.0  # seconds; a sentinel whose machine stood still for two does nothing for 30 ("TILT")


class _Sentinel(RedisServer):
    """One sentinel: a Redis that is started in another way."""

    def command(self) -> Sequence[str]:
        """What to run."""
        settings = self.folder / "sentinel.conf"
        if not settings.exists():
            settings.write_text(
                f"bind 127.0.0.1\nport {self.port}\ndir {self.folder}\nunixsocket {self.socket}\n"
            )
        return [self._program, str(settings), "--sentinel"]


class RedisSentinels:
    """A primary, replicas and three sentinels; a context manager.

    Args:
        folder: Its own.
        replicas: How many.
        flavour: Which server.
        down_after: Seconds after which a silent primary counts as dead.
        options: More of the servers' command lines.

    Attributes:
        servers: The primary as it began, then its replicas.
        sentinels: Those who watch them.
    """

    def __init__(
        self,
        folder: Path,
        *,
        replicas: int = 2,
        flavour: Flavour = "redis7",
        down_after: float = 0.5,
        options: Sequence[str] = (),
    ) -> None:
        self.servers = [
            RedisServer(folder / f"server{number}", flavour=flavour, options=options)
            for number in range(replicas + 1)
        ]
        self.sentinels = [_Sentinel(folder / f"sentinel{number}", flavour=flavour) for number in range(3)]
        self._down_after = down_after

    @property
    def url(self) -> str:
        """For `Cache`."""
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        return f"redis+sentinel://{hosts}/{_SERVICE}/0"

    def start(self) -> Self:
        """Start all, and wait until the sentinels know each other and the replicas."""
        primary, *replicas = (server.start() for server in self.servers)
        for replica in replicas:
            with replica.client() as client:
                client.replicaof("127.0.0.1", primary.port)
        for sentinel in self.sentinels:
            with sentinel.start().client() as client:
                self._watch(client, primary.port)
        wait_until(self._complete, "the sentinels' agreement", _PATIENCE)
        return self

    def _watch(self, client: Any, port: int) -> None:
        client.execute_command("SENTINEL MONITOR", _SERVICE, "127.0.0.1", port, 2)
        for name, value in (
            ("down-after-milliseconds", int(self._down_after * 1000)),
            ("failover-timeout", 3000),
            ("parallel-syncs", 1),
        ):
            client.execute_command("SENTINEL SET", _SERVICE, name, value)

    def _complete(self) -> bool:
        return all(self._sees_all(sentinel) for sentinel in self.sentinels)

    def _sees_all(self, sentinel: RedisServer) -> bool:
        with sentinel.client() as client:
            state = client.sentinel_master(_SERVICE)
        others = int(state["num-other-sentinels"])
        return others == len(self.sentinels) - 1 and int(state["num-slaves"]) == len(self.servers) - 1

    def primary(self) -> RedisServer:
        """The server that the sentinels say is in office."""
        with self.sentinels[0].client() as client:
            _, port = client.sentinel_get_master_addr_by_name(_SERVICE)
        return next(server for server in self.servers if server.port == int(port))

    def wait_for_another(self, old: RedisServer) -> RedisServer:
        """Wait until another server is in office."""
        wait_until(lambda: self.primary() is not old, "a failover", _PATIENCE)
        return self.primary()

    def stop(self) -> None:
        """End all of them."""
        for server in (*self.sentinels, *self.servers):
            server.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
