"""Trouble for servers and workers, drawn by chance, while others count on them."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

from afresh.testing.servers import MemcachedServer, RedisServer

Act = Callable[[], None]


class RedisTrouble:
    """What can happen to a Redis."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        server.save()  # a snapshot from before all that will be announced

    def acts(self) -> list[Act]:
        return [self.pause, self.kill_connections, self.flush, self.restart_empty, self.restart_from_snapshot]

    def pause(self) -> None:
        stand_still(self.server, 0.4)

    def kill_connections(self) -> None:
        with self.server.client() as client:
            client.execute_command("CLIENT KILL TYPE normal SKIPME yes")
            client.execute_command("CLIENT KILL TYPE pubsub SKIPME yes")

    def flush(self) -> None:
        with self.server.client() as client:
            client.flushall()

    def restart_empty(self) -> None:
        with self.server.client() as client:
            client.flushall()
            client.save()
        self.server.kill()
        self.server.start()

    def restart_from_snapshot(self) -> None:
        """Entries come back, and marks that were made since are gone."""
        self.server.save()
        time.sleep(0.3)
        self.server.kill()
        self.server.start()


class MemcachedTrouble:
    """What can happen to a memcached."""

    def __init__(self, server: MemcachedServer) -> None:
        self.server = server

    def acts(self) -> list[Act]:
        return [self.pause, self.restart, self.flush]

    def pause(self) -> None:
        stand_still(self.server, 0.4)

    def restart(self) -> None:
        self.server.kill()
        self.server.start()

    def flush(self) -> None:
        self.server.ask(b"flush_all\r\n")


class WorkerTrouble:
    """What can happen to workers: writers are killed and followed by others, readers stand still."""

    def __init__(
        self,
        readers: Sequence[subprocess.Popen[str]],
        writers: list[subprocess.Popen[str]],
        another: Callable[[int], subprocess.Popen[str]],
        chance: random.Random,
    ) -> None:
        self._readers, self._writers, self._another, self._chance = readers, writers, another, chance

    def acts(self) -> list[Act]:
        return [self.kill_a_writer, self.stop_a_reader]

    def kill_a_writer(self) -> None:
        number = self._chance.randrange(len(self._writers))
        self._writers[number].kill()
        self._writers[number].communicate()
        self._writers[number] = self._another(number)

    def stop_a_reader(self) -> None:
        """For longer than a confirmation is good for."""
        reader = self._chance.choice(self._readers)
        if reader.poll() is None:
            reader.send_signal(signal.SIGSTOP)
            time.sleep(1.3)
            reader.send_signal(signal.SIGCONT)


def stand_still(server: Any, seconds: float) -> None:
    """Pause a server for a while."""
    server.pause()
    time.sleep(seconds)
    server.resume()


def wreak(acts: Sequence[Act], seconds: float, chance: random.Random) -> dict[str, int]:
    """Do one after the other, each at least once in every round; says what was done how often."""
    done: dict[str, int] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for act in chance.sample(list(acts), len(acts)):
            if time.monotonic() < end:
                act()
                done[act.__name__] = done.get(act.__name__, 0) + 1
                time.sleep(chance.uniform(0.3, 0.7))
    return done
