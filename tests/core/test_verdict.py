"""Whether a stored value may be served, by age, invalidation and chance."""

import math

import pytest

from afresh import Policy
from afresh.core.entry import Facts
from afresh.core.verdict import FOREVER, Answer, Lives, fresh_until, judge, lives

POLICY = Policy.of(ttl=10, stale_while_revalidate=5, stale_if_error=20)


def facts(policy=POLICY, cost=0.0):
    life = lives(policy, now=100.0, draw=0.0)
    return Facts(
        "k", 1, cost=cost, soft=life.soft, stale_until=life.stale_until, error_until=life.error_until
    )


@pytest.mark.parametrize(
    ("now", "answer", "reason"),
    [
        (100.0, Answer.FRESH, ""),
        (109.999, Answer.FRESH, ""),
        (110.0, Answer.STALE, "expired"),
        (114.999, Answer.STALE, "expired"),
        (115.0, Answer.RESERVE, "expired"),
        (129.999, Answer.RESERVE, "expired"),
        (130.0, Answer.MISS, "expired"),
    ],
)
def test_a_value_ages(now, answer, reason):
    assert judge(facts(), POLICY, now=now, draw=0.5, marked_for=None) == (answer, reason)


def test_an_invalidated_value_is_never_served_however_the_policy_treats_age():
    assert judge(facts(), POLICY, now=100.0, draw=0.5, marked_for=0.0) == (Answer.MISS, "invalidated")


def test_unless_the_policy_says_for_how_long():
    policy = POLICY.replace(stale_after_invalidation=3)
    assert judge(facts(), policy, now=100.0, draw=0.5, marked_for=2.9).answer is Answer.STALE
    assert judge(facts(), policy, now=100.0, draw=0.5, marked_for=3.0).answer is Answer.MISS
    assert judge(facts(), policy, now=100.0, draw=0.5, marked_for=math.inf).answer is Answer.MISS
    assert judge(facts(), policy, now=130.0, draw=0.5, marked_for=1.0).answer is Answer.MISS


def test_early_refresh_is_drawn_by_the_cost_of_a_load():
    policy = Policy.of(ttl=10, early=1)
    dear = facts(policy, cost=2.0)
    assert judge(dear, policy, now=108.0, draw=0.5, marked_for=None).answer is Answer.FRESH
    assert judge(dear, policy, now=108.0, draw=0.7, marked_for=None) == (Answer.STALE, "early")
    assert (
        judge(facts(policy, cost=0.01), policy, now=108.0, draw=0.999, marked_for=None).answer is Answer.FRESH
    )


def test_no_thought_is_needed_before_the_window_of_early_refresh():
    policy = Policy.of(ttl=100, early=2)
    value = facts(policy, cost=1.0)
    assert fresh_until(value, policy) == 200.0 - 20.0
    for draw in (0.0, 0.9, 0.9999):
        now = fresh_until(value, policy) - 0.001
        assert judge(value, policy, now=now, draw=draw, marked_for=None).answer is Answer.FRESH


def test_jitter_shortens_a_life():
    policy = Policy.of(ttl=100, jitter=0.2)
    assert lives(policy, now=0.0, draw=0.0).soft == 100.0
    assert lives(policy, now=0.0, draw=0.5).soft == 90.0


def test_a_remembered_exception_has_a_life_of_its_own():
    policy = Policy.of(ttl=100, negative_ttl=5, stale_if_error=50)
    assert lives(policy, now=0.0, draw=0.0, failed=True) == (5.0, 5.0, 5.0)


def test_a_whole_does_not_outlive_its_parts():
    assert Lives(10.0, 20.0, 30.0).capped(Lives(15.0, 15.0, 40.0)) == (10.0, 15.0, 30.0)
    assert FOREVER.capped(Lives(1.0, 2.0, 3.0)) == (1.0, 2.0, 3.0)
