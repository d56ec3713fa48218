"""What it costs to know that a value from the server is current: the same hit with and without."""

from __future__ import annotations

import time
from contextlib import ExitStack

from afresh.testing.servers import RedisServer
from bench import measure
from bench.server_hits import peers


def validated(server: RedisServer, rounds: int, calls: int) -> measure.Table:
    """A hit that is judged, beside a GET by the same connection whose answer is only decoded."""
    with ExitStack() as stack:
        cache = peers.opened(server.url, stack)
        hit = cache.cached(ttl=peers.TTL, tags=lambda number: [peers.Row("product", number)], prefix="p")(
            peers.load
        )
        for number in range(peers.KEYS):
            hit(number)
        engine = cache._engine
        assert engine.store is not None
        assert engine.sealer is not None
        read = engine.store.read  # type: ignore[attr-defined]  # of every store on a server
        site = next(each for each in engine.sites.values() if each.name == "p")
        keys = [engine.names.full(hit.key(number)) for number in range(peers.KEYS)]
        stored = [engine.stored_key(site, key) for key in keys]
        opened = engine.sealer.opener(site.type)

        def decoded(number: int) -> object:
            return opened(read(stored[number]), keys[number])

        timed = {"GET, decoded": _timed(decoded, calls), "afresh": _timed(hit, calls)}
        samples = measure.interleave(timed, rounds)
        trips = _round_trips(server, hit, calls)
    made = measure.Table("A hit that is known to be current: the same GET, only decoded, is 1.0")
    made.add("GET, decoded", {"us": measure.percentile(samples["GET, decoded"], 0.5), "ratio": 1.0})
    made.add(
        "afresh",
        {
            "us": measure.percentile(samples["afresh"], 0.5),
            "ratio": measure.ratio(samples, "afresh", "GET, decoded"),
            "round trips": trips,
        },
        measure.Goal("ratio", 1.15),
        measure.Goal("round trips", 1.0),
    )
    return made


def _timed(hit: peers.Hit, calls: int) -> measure.Timed:
    def timed() -> float:
        began = time.perf_counter()
        for number in range(calls):
            hit(number % peers.KEYS)
        return (time.perf_counter() - began) / calls * 1e6

    return timed


def _round_trips(server: RedisServer, hit: peers.Hit, calls: int) -> float:
    """Commands of this process for each hit; others (the follower) are of another kind."""
    with server.client() as client:
        client.config_resetstat()
        for number in range(calls):
            hit(number % peers.KEYS)
        stats = client.info("commandstats")
    return sum(stats[name]["calls"] for name in ("cmdstat_get", "cmdstat_evalsha") if name in stats) / calls
