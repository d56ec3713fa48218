"""The named races, in every order in which they can happen, or in a sample of them."""

from __future__ import annotations

import pytest
from races import KILLS, SCENARIOS

from afresh.testing.explorer import explore
from sizes import seed, size

pytestmark = pytest.mark.orders

LIMIT = size(800, 40_000)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_no_order_is_stale(scenario):
    explored = explore(scenario, limit=LIMIT, seed=seed(), kills=scenario in KILLS)
    print(f"\n{explored.schedules} schedules{', all there are' if explored.complete else ''}")
    assert explored.failed == 0
