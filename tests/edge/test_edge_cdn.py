"""Fastly and Cloudflare: the calls that their documentation asks for, against a server that answers as it says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from origin import Origin

from afresh.edge.drivers.cloudflare import Cloudflare
from afresh.edge.drivers.fastly import Fastly
from afresh.edge.port import EVERYTHING, Purge, Undelivered
from afresh.edge.published.pages import Pages
from afresh.errors import ConfigurationError

NAMES = [Purge("key", "a1"), Purge("key", "b2")]


@pytest.fixture(scope="module")
def api() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


class Calls:
    """Answers like an API, and remembers what was asked."""

    def __init__(self, *answers: tuple[int, dict[str, str], Any]) -> None:
        self.answers = list(answers)
        self.bodies: list[Any] = []
        self.fields: list[dict[str, str]] = []

    def __call__(self, request: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        self.bodies.append(json.loads(request.body) if request.body else None)
        self.fields.append({name.lower(): value for name, value in request.headers.items()})
        status, fields, said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return status, [("Content-Type", "application/json"), *fields.items()], json.dumps(said).encode()


CLOUDFLARE_OK = (200, {}, {"success": True, "errors": [], "messages": [], "result": {"id": "z"}})
FASTLY_OK = (200, {}, {"status": "ok", "id": "108-1391560174-974124"})


def test_cloudflare_is_told_tags_files_and_everything(api: Origin) -> None:
    calls = api.pages["/client/v4/zones/zone/purge_cache"] = Calls(CLOUDFLARE_OK)
    with closing(Cloudflare("zone", "secret", api=f"http://127.0.0.1:{api.port}")) as edge:
        edge.purge([*NAMES, Purge("url", "https://shop.example/a?b=1")])
        edge.purge([EVERYTHING])
    assert calls.bodies == [
        {"tags": ["a1", "b2"]},
        {"files": ["https://shop.example/a?b=1"]},
        {"purge_everything": True},
    ]
    assert calls.fields[0]["authorization"] == "Bearer secret"
    assert edge.batch <= 100


@pytest.mark.parametrize(
    ("answer", "settled", "after"),
    [
        (
            (429, {"Retry-After": "7"}, {"success": False, "errors": [{"code": 10000, "message": "rate"}]}),
            False,
            7,
        ),
        ((429, {}, {"success": False, "errors": []}), False, 10),
        (
            (401, {}, {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}),
            True,
            0,
        ),
        ((500, {}, None), False, 0),
        ((200, {}, {"success": False, "errors": [{"code": 1, "message": "not now"}]}), False, 0),
        ((200, {}, "<html>"), False, 0),
    ],
)
def test_what_cloudflare_doesnt_take_is_not_delivered(
    api: Origin, answer: Any, settled: bool, after: float
) -> None:
    api.pages["/client/v4/zones/z/purge_cache"] = Calls(answer)
    with closing(Cloudflare("z", "t", api=f"http://127.0.0.1:{api.port}")) as edge:
        with pytest.raises(Undelivered) as failed:
            edge.purge(NAMES)
        assert (failed.value.settled, failed.value.after) == (settled, after)


def test_fastly_is_told_keys_in_a_batch_and_urls_one_by_one(api: Origin) -> None:
    batch = api.pages["/service/svc/purge"] = Calls(FASTLY_OK)
    everything = api.pages["/service/svc/purge_all"] = Calls(FASTLY_OK)
    url = api.pages["/purge/shop.example/a"] = Calls(FASTLY_OK)
    with closing(Fastly("svc", "secret", api=f"http://127.0.0.1:{api.port}")) as edge:
        edge.purge([*NAMES, Purge("url", "https://shop.example/a?b=1")])
        edge.purge([EVERYTHING])
    assert batch.bodies == [{"surrogate_keys": ["a1", "b2"]}]
    assert batch.fields[0]["fastly-key"] == "secret"
    assert "fastly-soft-purge" not in batch.fields[0]
    assert api.seen["/purge/shop.example/a?b=1"] == len(url.bodies) == len(everything.bodies) == 1
    assert edge.batch <= 256


def test_fastly_can_be_told_softly_but_for_everything_by_the_name_that_all_have(api: Origin) -> None:
    batch = api.pages["/service/soft/purge"] = Calls(FASTLY_OK)
    with closing(Fastly("soft", "t", soft=True, api=f"http://127.0.0.1:{api.port}")) as edge:
        edge.purge([EVERYTHING])
    assert batch.bodies == [{"surrogate_keys": ["afresh"]}]
    assert batch.fields[0]["fastly-soft-purge"] == "1"


def test_what_fastly_doesnt_take_waits_as_long_as_it_says(api: Origin) -> None:
    reset = int(time.time()) + 100
    calls = Calls(
        (429, {"Fastly-RateLimit-Reset": str(reset)}, {"msg": "Too many"}), (503, {}, None), (403, {}, {})
    )
    api.pages["/service/slow/purge"] = calls
    with closing(Fastly("slow", "t", api=f"http://127.0.0.1:{api.port}")) as edge:
        failures = []
        for _ in range(3):
            with pytest.raises(Undelivered) as failed:
                edge.purge(NAMES)
            failures.append(failed.value)
    assert 90 < failures[0].after <= 100
    assert [each.settled for each in failures] == [False, False, True]


@pytest.mark.parametrize("url", ["", "127.0.0.1:6091", "ftp://x", "http://", "http://x:y", "http://x?a=b"])
def test_what_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="http://HOST"):
        Fastly("svc", "t", api=url)


@pytest.mark.parametrize("address", ["", "localhost", "x:y", ":11211"])
def test_what_names_no_memcached_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="HOST:PORT"):
        Pages(address)


def test_nobody_there_is_not_delivered() -> None:
    with (
        closing(Fastly("svc", "t", api="http://127.0.0.1:9")) as edge,
        pytest.raises(Undelivered, match="answer"),
    ):
        edge.purge(NAMES)
