"""datasette with our plugin file: each page is the uncached one's, whatever another program writes to the file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from bench.apps.datasette.rows import Writer, fill
from bench.apps.datasette.run import COMPARED, compared
from bench.apps.datasette.servers import HERE, Datasette

from sizes import seed, size

pytestmark = pytest.mark.slow

WRITES = size(5, 200)
PRODUCTS = 1_000
HEARD = "self._version is None or self._version != before"


@pytest.fixture
def deaf(tmp_path: Path) -> Path:
    """The folder of a plugin that hears of no write."""
    plugin = (HERE / "plugin" / "afresh_datasette.py").read_text()
    assert HEARD in plugin
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "deaf.py").write_text(plugin.replace(HEARD, "False"))
    return folder


def test_each_page_is_the_uncached_one_after_each_write_of_another_program(
    tmp_path: Path, deaf: Path
) -> None:
    file = tmp_path / "shop.db"
    fill(file, PRODUCTS)
    writer = Writer(file, seed(), PRODUCTS)
    with (
        Datasette(tmp_path / "uncached", file) as uncached,
        Datasette(tmp_path / "afresh", file, HERE / "plugin") as afresh,
        Datasette(tmp_path / "deaf", file, deaf) as hears_nothing,
    ):
        sites = {"uncached": uncached, "afresh": afresh, "deaf": hears_nothing}
        found: dict[str, Any] = asyncio.run(compared(sites, writer, WRITES))
    writer.close()
    assert found["afresh"]["wrong"] == 0, found["afresh"]["first"]
    assert found["afresh"]["compared"] == 2 * WRITES * len(COMPARED)
    assert found["afresh"]["hits"] > WRITES, "what is compared are kept pages"
    assert found["deaf"]["wrong"], "the comparison finds a cache that hears of nothing"
