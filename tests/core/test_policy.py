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


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"tll": 5}, "there are"),
        ({"jitter": 1.5}, "fraction"),
        ({"ttl": 5, "early": -1}, "weight"),
        ({"stale_if_error": "1d"}, "give a ttl"),
        ({"ttl": "soon"}, "not a duration"),
    ],
)
def test_nonsense_is_refused_with_the_fix(options, advice):
    with pytest.raises(ConfigurationError, match=advice):
        Policy.of(**options)
