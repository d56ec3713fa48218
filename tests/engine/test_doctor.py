"""What `cache.doctor()` says where there is no server to ask."""

from __future__ import annotations

from afresh import Cache, Pool
from afresh.backends.findings import Finding
from afresh.engine.telling.doctor import Diagnosis, diagnose


def test_each_place_is_looked_at():
    with Cache("memory://", pools={"pages": Pool(prefix="page:")}) as cache:
        found = cache.doctor()
    assert [(each.pool, each.healthy, each.findings) for each in found] == [
        ("", True, ()),
        ("pages", True, ()),
    ]


def test_a_mode_that_answers_nothing_is_noted():
    with Cache("memory://", mode="off") as cache:
        (found,) = cache.doctor()[0].findings
    assert (found.severity, "off" in found.what) == ("note", True)


def test_what_is_not_delivered_is_an_error_and_comes_first(monkeypatch):
    with Cache("memory://", mode="off") as cache:
        backend = cache._engine.backend
        monkeypatch.setattr(backend, "status", lambda: {"undelivered": 3})
        monkeypatch.setattr(backend, "proven", lambda: False)
        monkeypatch.setattr(backend, "inspect", lambda: {"findings": [Finding("warning", "slow", "move it")]})
        found = diagnose(cache._engine)
    assert [each.severity for each in found.findings] == ["error", "warning", "warning", "note"]
    assert "3 invalidations" in found.findings[0].what
    assert not found.healthy
    assert "findings" not in found.told


def test_a_warning_is_no_illness():
    assert Diagnosis("", "memory://", {}, (Finding("warning", "slow", "move it"),)).healthy
