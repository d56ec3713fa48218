"""What the eviction policy learns."""

from __future__ import annotations

from afresh.backends.memory.balance import Balance
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


def granted(balance: Balance) -> int:
    return sum(balance.lends(900) for _ in range(80))


def test_credit_is_given_while_it_pays() -> None:
    balance = Balance(1000)
    for _ in range(200):
        balance.looked(1)
        balance.settled(1, True, 1000)
    assert granted(balance) == 80


def test_credit_is_refused_when_room_earns_more_elsewhere_but_still_tried() -> None:
    balance = Balance(1000)
    for _ in range(200):
        balance.looked(1)
        balance.settled(1, False, 1000)
        balance.returned(MAIN, 5)
    assert granted(balance) == 10


def test_old_measurements_fade() -> None:
    balance = Balance(1000)
    for _ in range(3000):
        balance.looked(1)
        balance.returned(MAIN, 5)
        balance.settled(1, False, 1000)
    assert granted(balance) == 10
    for _ in range(6000):
        balance.looked(1)
        balance.settled(1, True, 1000)
    assert granted(balance) == 80


def test_the_smallest_cache_has_a_small_queue() -> None:
    balance = Balance(1)
    for _ in range(10):
        balance.returned(MAIN, 0)
    assert balance.small == 1
