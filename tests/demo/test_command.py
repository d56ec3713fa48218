"""The command from outside: it measures, it can be looked at, and it leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from afresh.cli import main; main()", "demo"]


def _left_behind(folder: Path) -> list[Path]:
    return list(folder.glob("afresh-demo-*"))


def test_it_measures_and_says_so(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    run = subprocess.run(
        [*COMMAND, "--seconds", "1"], capture_output=True, text=True, check=False, env=environment
    )
    assert run.returncode == 0, run.stderr
    assert "without afresh" in run.stdout
    assert re.search(r"\b0 stale", run.stdout)
    assert _left_behind(tmp_path) == []


def test_it_ends_in_the_middle_when_interrupted(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    running = subprocess.Popen(COMMAND, stderr=subprocess.PIPE, text=True, env=environment)
    assert running.stderr is not None
    for line in running.stderr:
        if line.startswith("Without afresh"):
            break
    running.send_signal(signal.SIGINT)
    assert running.wait(30) == 130
    assert "Traceback" not in running.stderr.read()
    running.stderr.close()
    assert _left_behind(tmp_path) == []


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        command = [*COMMAND, "--serve", "--seconds", "0", "--port", str(port)]
        run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 1
    assert f"Port {port} is in use" in run.stderr
    assert _left_behind(tmp_path) == []


def test_it_can_be_looked_at_until_interrupted(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    serving = subprocess.Popen(
        [*COMMAND, "--serve", "--seconds", "0"], stderr=subprocess.PIPE, text=True, env=environment
    )
    assert serving.stderr is not None
    address = ""
    for line in serving.stderr:
        if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
            address = found[0]
            break
    with urllib.request.urlopen(address + "package/bash") as answer:
        assert b"<h1>bash" in answer.read()
    assert _left_behind(tmp_path)
    serving.send_signal(signal.SIGINT)
    assert serving.wait(20) == 0
    serving.stderr.close()
    assert _left_behind(tmp_path) == []
