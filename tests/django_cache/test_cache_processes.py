"""Four processes of five threads each on a cold key: one of them loads, once; counts are of all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from cache_faces import backend
from django.test import override_settings

from sizes import size

pytestmark = [pytest.mark.servers, pytest.mark.slow]

WORKER = Path(__file__).parent / "cache_process.py"


@pytest.mark.parametrize("location", size(("redis",), ("file", "redis", "memcached")), indirect=True)
def test_one_load_among_processes(location, tmp_path):
    key = uuid.uuid4().hex
    with override_settings(SECRET_KEY="the secret of these processes"):
        cache = backend(location)
        cache.set("counter", 0)
        started = [
            subprocess.Popen(
                [sys.executable, WORKER, location, key],
                env={**os.environ, "AFRESH_DIR": str(tmp_path / "machine")},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(4)
        ]
        assert {each.stdout.readline() for each in started} == {"ready\n"}
        for each in started:
            each.stdin.write("go\n")
            each.stdin.flush()
        reports = [json.loads(each.communicate(timeout=60)[0]) for each in started]
        assert sum(loads for loads, _ in reports) == 1
        assert [answer for _, answers in reports for answer in answers] == [["made"]] * 20
        assert cache.get("counter") == 20
