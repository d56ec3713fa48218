"""`python -m bench.apps.datasette.run [--quick]`: measures, in datasette's own environment; prints JSON."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from afresh.testing.servers.process import Server
from bench.apps.client import Answer, Remote
from bench.apps.datasette.rows import Writer, fill
from bench.apps.datasette.servers import HERE, Datasette, nginx

CONNECTIONS = 4
_SUM = "select maker, count(*), avg(price) from product group by maker order by 3 limit 20".replace(" ", "+")
TIMED = {
    "a table": "/shop/product",
    "a table, JSON": "/shop/product.json",
    "a query": f"/shop?sql={_SUM}",
    "a query, JSON": f"/shop.json?sql={_SUM}",
}
COMPARED = [
    *TIMED.values(), "/", "/shop", "/shop/maker", "/shop/product/7", "/shop/product.json?maker=3&_shape=array",
    "/shop/product.json?_sort_desc=price", "/shop.json?sql=select+name+from+sqlite_master",
]  # fmt: skip
_TIMES = re.compile(rb'"query_ms": [0-9.e-]+|Quer(?:y|ies) took [0-9.]+ms')


async def _speed(sites: dict[str, Server], *, quick: bool) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of a request over four connections, by turns."""
    rounds, requests = (3, 5) if quick else (15, 20)
    found: dict[str, dict[str, list[float]]] = {page: {name: [] for name in sites} for page in TIMED}
    for page, target in TIMED.items():
        for number in range(rounds + 1):
            for name, site in sites.items():
                took = await _timed(site.port, target, requests * (1 if name == "uncached" else 20))
                if number:
                    found[page][name].append(took * 1000)
    return found


async def _timed(port: int, target: str, requests: int) -> float:
    connections = [Remote(port) for _ in range(CONNECTIONS)]
    for each in connections:
        answer = await each.ask("GET", target)
        assert answer.status == 200, answer

    async def one(connection: Remote) -> None:
        for _ in range(requests):
            await connection.ask("GET", target)

    began = time.perf_counter()
    await asyncio.gather(*map(one, connections))
    took = time.perf_counter() - began
    for each in connections:
        await each.close()
    return took / (requests * CONNECTIONS)


async def compared(sites: dict[str, Server], writer: Writer, writes: int) -> dict[str, Any]:
    """Each page after each write of another process, beside the uncached one."""
    asks = {name: Remote(site.port) for name, site in sites.items()}
    found: dict[str, Any] = {name: {"compared": 0, "hits": 0, "wrong": 0, "first": ""} for name in sites}
    for _ in range(writes):
        for _ in range(2):  # the second time from the cache
            expected = {target: await asks["uncached"].ask("GET", target) for target in COMPARED}
            for name, each in asks.items():
                for target in COMPARED:
                    _judge(found[name], target, await each.ask("GET", target), expected[target])
        writer.one()
    for each in asks.values():
        await each.close()
    return found


def _judge(record: dict[str, Any], target: str, got: Answer, expected: Answer) -> None:
    record["compared"] += 1
    record["hits"] += "; hit" in got.fields.get("cache-status", "") or got.fields.get("x-cache") == "HIT"
    if (got.status, _TIMES.sub(b"", got.body)) != (expected.status, _TIMES.sub(b"", expected.body)):
        record["wrong"] += 1
        record["first"] = record["first"] or f"{target}: {got.status}, {len(got.body)} bytes"


async def _everything(folder: Path, *, quick: bool) -> dict[str, Any]:
    seed = int(os.environ.get("AFRESH_SEED") or random.SystemRandom().randrange(2**31))
    file = folder / "shop.db"
    fill(file)
    with ExitStack() as stack:
        plain = stack.enter_context(Datasette(folder / "uncached", file))
        behind = stack.enter_context(Datasette(folder / "behind", file))
        sites: dict[str, Server] = {
            "uncached": plain,
            "nginx, 5 s": stack.enter_context(nginx(folder / "nginx", behind.port)),
            "afresh": stack.enter_context(Datasette(folder / "afresh", file, HERE / "plugin")),
        }
        speed = await _speed(sites, quick=quick)
        writer = Writer(file, seed)
        truth = await compared(sites, writer, 6 if quick else 200)
        writer.close()
    return {"seed": seed, "speed": speed, "compared": truth}


def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="afresh-bench-", ignore_cleanup_errors=True) as folder:
        found = asyncio.run(_everything(Path(folder), quick="--quick" in sys.argv))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
