"""Put the parts of a backend on memcached together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from afresh.backends import Backend, in_turn
from afresh.backends.memcached.connect import MemcachedClient, open_client
from afresh.backends.memcached.control import modes_on
from afresh.backends.memcached.doctor import inspect
from afresh.backends.memcached.leases import MemcachedLeases
from afresh.backends.memcached.log.log import MemcachedLog
from afresh.backends.memcached.store.store import MemcachedStore
from afresh.backends.replica.ledger import ReplicaLedger
from afresh.backends.replica.opening import followed

if TYPE_CHECKING:
    from afresh.backends.opening import Asked

LEDGER = "ledger"
"""Its name where the URL gives none."""


def open_memcached(url: str, asked: Asked) -> Backend:
    """Open a backend on memcached. A server that is down is no error: its keys are not cached until it is up.

    The log lies on the one server that its name chooses. While that one is down, nothing is served from
    memory, and invalidations wait to be delivered.

    Args:
        url: See `address.parse`.
        asked: What it is opened with.

    Raises:
        ConfigurationError: The URL is none.
    """
    client = open_client(url)
    address = client.address
    name = address.ledger or LEDGER
    log = MemcachedLog(client, name, timeout=address.write_timeout)
    ledger = followed(log, f"{address.name} {name}", asked, otherwise=client.close)
    return _together(client, log, ledger, asked)


def _together(client: MemcachedClient, log: MemcachedLog, ledger: ReplicaLedger, asked: Asked) -> Backend:
    """The backend, once its ledger is open."""
    address = client.address
    store = MemcachedStore(client, clock=asked.clock)
    leases = MemcachedLeases(client, store)

    return Backend(
        address.name if log.name == LEDGER else f"{address.name}?ledger={log.name}",
        ledger,
        store,
        leases,
        modes_on(client, address.write_timeout),
        in_memory=False,
        remote=True,
        proven=ledger.proven,
        waiting=ledger.waiting,
        words=ledger.cell,
        begin=ledger.begin,
        look_after=in_turn(client.look_after, store.look_after, ledger.look_after),
        status=lambda: {**ledger.status(), "entries_undelivered": store.usage()["undelivered"]},
        inspect=lambda: inspect(client, log),
        close=in_turn(leases.close, ledger.close, client.close),
    )


def open_memcached_beside(url: str, main: Backend, asked: Asked) -> Backend:
    """Open other memcacheds for entries that the ledger of `main` numbers; they need no log of their own."""
    client = open_client(url)
    store = MemcachedStore(client, clock=asked.clock)
    leases = MemcachedLeases(client, store)

    return replace(
        main,
        url=client.address.name,
        store=store,
        leases=leases,
        look_after=in_turn(client.look_after, store.look_after),
        status=lambda: {"entries_undelivered": store.usage()["undelivered"]},
        inspect=lambda: inspect(client),
        close=in_turn(leases.close, client.close),
    )
