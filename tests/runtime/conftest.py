"""What other tests of this process have left behind is not what these ask about."""

from __future__ import annotations

from weakref import WeakSet

import pytest


@pytest.fixture(autouse=True)
def no_server_of_others_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that was given up keeps the ticker at work until whoever asked it is collected."""
    monkeypatch.setattr("afresh.runtime.breaker._open", WeakSet())
