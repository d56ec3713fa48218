"""What follows from what a memcached says of itself."""

from __future__ import annotations

import pytest

from afresh.backends.memcached.doctor import Health, findings

FINE = {"evictions": 0, "bytes": 1_000, "limit_maxbytes": 64 * 2**20, "get_hits": 3, "get_misses": 1}


def found(latency: float | None = 0.0001, *, ledger: bool = False, **stats: int) -> list[tuple[str, str]]:
    health = Health("a:1", FINE | stats, latency, ledger)
    return [(finding.severity, finding.what) for finding in findings(health)]


def test_a_server_that_is_well_is_not_spoken_of() -> None:
    assert found() == found(ledger=True) == []
    assert Health("a:1", FINE, 0.0).hit_ratio == 0.75
    assert Health("a:1").hit_ratio is None


def test_one_that_does_not_answer_is_an_error_and_worse_with_the_ledger() -> None:
    assert found(None) == [("error", "a:1 doesn't answer")]
    advice = [next(findings(Health("a:1", {}, None, ledger))).advice for ledger in (False, True)]
    assert "nothing is cached at all" not in advice[0]
    assert "nothing is cached at all" in advice[1]


def test_a_far_one_is_slow() -> None:
    assert [severity for severity, _ in found(0.02)] == ["warning"]


@pytest.mark.parametrize(
    ("ledger", "used", "severities"),
    [
        (False, 60, ["note"]),
        (True, 60, ["note", "warning"]),
        (False, 10, ["note", "warning"]),
        (True, 10, ["note", "warning", "warning"]),
    ],
)
def test_evictions_threaten_the_ledger_and_tell_of_slabs(
    ledger: bool, used: int, severities: list[str]
) -> None:
    stats = {"evictions": 9, "evicted_unfetched": 4, "bytes": used * 2**20}
    told = found(ledger=ledger, **stats)
    assert [severity for severity, _ in told] == severities
    assert told[0][1] == "a:1 has evicted 9 items, 4 of them never read"
