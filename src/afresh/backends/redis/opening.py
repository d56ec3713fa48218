"""Put the parts of a backend on Redis together."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from afresh.backends import Backend, in_turn
from afresh.backends.redis.address import Address
from afresh.backends.redis.connect import open_client
from afresh.backends.redis.control import modes_on
from afresh.backends.redis.doctor import inspect
from afresh.backends.redis.leases import RedisLeases
from afresh.backends.redis.log import RedisLog
from afresh.backends.redis.servers import RedisClient
from afresh.backends.redis.store import RedisStore
from afresh.backends.replica.ledger import ReplicaLedger
from afresh.backends.replica.opening import followed

if TYPE_CHECKING:
    from afresh.backends.opening import Asked


def open_redis(url_or_client: Any, asked: Asked) -> Backend:
    """Open a backend on Redis or Valkey. A server that is down is no error: nothing is cached until it is up.

    Args:
        url_or_client: A URL, or a client of redis-py.
        asked: What it is opened with.

    Raises:
        ConfigurationError: It can't be used; the message says what to write instead.
    """
    client = open_client(url_or_client)
    address = client.address
    name = address.ledger or str(address.db)
    log = RedisLog(client, name, timeout=address.write_timeout)
    ledger = followed(log, f"{address.name} {name}", asked, otherwise=client.close)
    log.seen = _seen_by(ledger)
    leases = RedisLeases(client)

    return Backend(
        _written(address, name),
        ledger,
        _store(client, asked),
        leases,
        modes_on(client, address.write_timeout),
        in_memory=False,
        remote=True,
        proven=ledger.proven,
        waiting=ledger.waiting,
        words=ledger.cell,
        begin=ledger.begin,
        look_after=in_turn(client.look_after, ledger.look_after),
        status=ledger.status,
        inspect=lambda: inspect(client, name),
        close=in_turn(leases.close, ledger.close, client.close),
    )


def open_redis_beside(url_or_client: Any, main: Backend, asked: Asked) -> Backend:
    """Open another Redis for entries that the ledger of `main` numbers; it needs no ledger of its own."""
    client = open_client(url_or_client)
    leases = RedisLeases(client)

    return replace(
        main,
        url=client.address.name,
        store=_store(client, asked),
        leases=leases,
        look_after=client.look_after,
        status=dict,
        inspect=client.inspect,
        close=in_turn(leases.close, client.close),
    )


def _store(client: RedisClient, asked: Asked) -> RedisStore:
    return RedisStore(client, cluster=client.address.kind == "cluster", clock=asked.clock)


def _seen_by(ledger: ReplicaLedger) -> Callable[[], int]:
    """How far a ledger's copy is. The log doesn't keep its ledger: one that nobody closed goes with its cache."""
    reference = weakref.ref(ledger)

    def seen() -> int:
        there = reference()
        return -1 if there is None else there.position()

    return seen


def _written(address: Address, ledger: str) -> str:
    default = str(address.db)
    return address.name if ledger == default else f"{address.name}?ledger={ledger}"
