"""Who is signed in stays so, in a real browser, while the cache is filled to the brim and cleared."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from afresh.testing.servers import RedisServer
from afresh.testing.servers.process import Server, accepts

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SITE = Path(__file__).parent / "browser_django_site.py"
ROOM = ("--maxmemory", "16mb", "--maxmemory-policy", "noeviction")


class Worker(Server):
    """One process of the site."""

    def __init__(self, folder: Path, redis: str) -> None:
        super().__init__(folder)
        self._redis = redis

    def command(self) -> Sequence[str]:
        machine = f"AFRESH_DIR={self.folder.parent / 'machine'}"
        return ["/usr/bin/env", machine, sys.executable, str(SITE), self._redis, str(self.port)]

    def answers(self) -> bool:
        return accepts(self.port)


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[list[str]]:
    """The addresses of two."""
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(tmp_path / "redis", options=ROOM))
        url = f"{redis.url}?timeout=30&connect_timeout=30"
        started = [stack.enter_context(Worker(tmp_path / name, url)) for name in ("one", "two")]
        yield [f"http://127.0.0.1:{each.port}" for each in started]


def test_a_full_cache_and_an_empty_one_sign_nobody_out(browser, workers):
    visitor = browser()
    visitor.go(workers[0])
    assert "Nobody is here" in visitor.text
    visitor.send(name="Ada")
    for act in ("/fill", "/clear", "/fill"):
        visitor.go(workers[0] + act)
        assert visitor.text.startswith(("full with", "clear"))
        for worker in workers:
            visitor.go(worker)
            assert "Ada is here" in visitor.text
    visitor.go(f"{workers[1]}/sign-out")
    for worker in workers:
        visitor.go(worker)
        assert "Nobody is here" in visitor.text
