"""What the eviction policy learns."""

from __future__ import annotations

import pytest

from afresh.backends.memory.balance import Balance, Trial
from afresh.backends.memory.ghosts import MAIN, SMALL


def test_near_ghosts_move_room_between_the_queues_within_bounds() -> None:
    balance = Balance(1000)
    assert balance.small == 100
    balance.returned(SMALL, 5)
    assert balance.small == 105
    balance.returned(MAIN, 5)
    balance.returned(MAIN, 5)
    assert balance.small == 95
    for _ in range(1000):
        balance.returned(SMALL, 0)
    assert balance.small == 500
    for _ in range(1000):
        balance.returned(MAIN, 0)
    assert balance.small == 10


def test_far_ghosts_say_nothing() -> None:
    balance = Balance(1000)
    balance.returned(SMALL, 100)
    balance.returned(MAIN, 100)
    assert balance.small == 100


def trusted(trial: Trial, otherwise: float) -> int:
    return sum(trial.pays(otherwise) for _ in range(80))


def test_trust_is_given_while_it_pays() -> None:
    trial = Trial(1.0)
    for number in range(200):
        trial.result(1, number % 2 == 0, 1000)
    assert trusted(trial, 0.4) == 80


def test_trust_is_refused_when_the_room_earns_more_elsewhere_but_still_tried() -> None:
    trial = Trial(1.0)
    for number in range(200):
        trial.result(1, number % 2 == 0, 1000)
    assert trusted(trial, 0.6) == 10


def test_a_heavy_entry_has_to_earn_more() -> None:
    trial = Trial(1.0)
    for number in range(200):
        trial.result(10, number % 2 == 0, 1000)
    assert trusted(trial, 0.4) == 10
    assert trusted(trial, 0.04) == 80


def test_patience_bears_some_loss() -> None:
    trial = Trial(0.5)
    for number in range(200):
        trial.result(1, number % 2 == 0, 1000)
    assert trusted(trial, 0.9) == 80
    assert trusted(trial, 1.1) == 10


def test_old_results_fade() -> None:
    trial = Trial(1.0)
    for _ in range(3000):
        trial.result(1, False, 1000)
    assert trusted(trial, 0.4) == 10
    for _ in range(1000):
        trial.result(1, True, 1000)
    assert trusted(trial, 0.4) == 80


def test_room_is_worth_what_its_ghosts_would_have_hit() -> None:
    balance = Balance(1000)
    assert balance.worth(900) == 0
    for _ in range(899):
        balance.looked(1)
    for _ in range(30):
        balance.returned(MAIN, 5)
    assert balance.worth(900) == pytest.approx(0.3)
    for _ in range(500):
        balance.returned(MAIN, 700)
    assert balance.worth(900) == pytest.approx(0.53)
    balance.returned(SMALL, 5)
    assert balance.worth(900) == pytest.approx(0.53)


def test_the_smallest_cache_has_a_small_queue() -> None:
    balance = Balance(1)
    for _ in range(10):
        balance.returned(MAIN, 0)
    assert balance.small == 1
