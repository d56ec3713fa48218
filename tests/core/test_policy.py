"""Policies: what is accepted, and what is refused with the fix."""

import pytest

from afresh import ConfigurationError, Policy


def test_durations_become_seconds():
    policy = Policy.of(ttl="5m", stale_while_revalidate="1m", jitter=0.1)
    assert (policy.ttl, policy.stale_while_revalidate, policy.jitter) == (300.0, 60.0, 0.1)


def test_replacing_keeps_the_rest():
    assert Policy.of(ttl="5m", copy=True).replace(ttl=None) == Policy.of(copy=True)


def test_one_type_of_exception_is_enough():
    assert Policy.of(negative_ttl=1, negative=KeyError).negative == (KeyError,)
    several = [KeyError, ValueError]
    assert Policy.of(negative_ttl=1, negative=several) == Policy.of(negative_ttl=1, negative=iter(several))


def test_none_is_off():
    options = dict.fromkeys(
        (
            "ttl",
            "stale_while_revalidate",
            "stale_if_error",
            "stale_after_invalidation",
            "negative_ttl",
            "soft_deadline",
            "hard_deadline",
        )
    )
    assert Policy.of(**options) == Policy()
    calm = Policy.of(ttl="5m", stale_while_revalidate="1m")
    assert calm.replace(stale_while_revalidate=None) == Policy.of(ttl="5m")


def test_strict_serves_nothing_that_was_invalidated():
    Policy.of(ttl=1, stale_if_error=5).check_strict()
    with pytest.raises(ConfigurationError, match="strict"):
        Policy.of(stale_after_invalidation=1).check_strict()


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"tll": 5}, "there are"),
        ({"jitter": 1.5}, "fraction"),
        ({"ttl": 5, "early": -1}, "weight"),
        ({"stale_if_error": "1d"}, "give a ttl"),
        ({"ttl": "soon"}, "not a duration"),
        ({"jitter": "0.1"}, "not a number"),
        ({"jitter": None}, "not a number"),
        ({"ttl": 5, "early": True}, "not a number"),
        ({"ttl": 5, "early": float("nan")}, "weight"),
        ({"copy": "no"}, "True or False"),
        ({"negative": "x"}, "a list of them"),
        ({"negative": None}, "a list of them"),
        ({"negative": KeyboardInterrupt}, "a list of them"),
        ({"soft_deadline": 5, "hard_deadline": 1}, "shorter"),
    ],
)
def test_nonsense_is_refused_with_the_fix(options, advice):
    with pytest.raises(ConfigurationError, match=advice):
        Policy.of(**options)


def test_a_policy_made_by_hand_has_numbers():
    with pytest.raises(ConfigurationError, match=r"Policy\.of"):
        Policy(ttl="5m")
