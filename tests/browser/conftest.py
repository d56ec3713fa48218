"""Browsers for tests: `browser()` opens one; another call opens another person's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from chromium import Chromium

Browser = Callable[[], Chromium]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """Opens a browser with a profile of its own; they are closed at the end."""
    with ExitStack() as stack:
        opened: list[Chromium] = []

        def open_one() -> Chromium:
            opened.append(stack.enter_context(closing(Chromium(tmp_path / f"profile-{len(opened)}"))))
            return opened[-1]

        yield open_one
