"""What versions can."""

from __future__ import annotations

import pytest

from afresh.backends.memcached.wire.features import (
    DELETE_VALUE,
    EXPLICIT_CAS,
    GET_CAS,
    META,
    features_of,
    too_old,
)


def test_debians_server_has_the_meta_commands_and_nothing_later() -> None:
    assert features_of("1.6.18") == {META}


def test_a_newer_server_can_more() -> None:
    assert {META, EXPLICIT_CAS, DELETE_VALUE, GET_CAS} <= features_of("1.6.44")
    assert META in features_of("1.7.0_beta1")


@pytest.mark.parametrize("version", ["", "UNKNOWN", "1.5.22", "x1.6.40"])
def test_nothing_is_known_of_what_is_old_or_strange(version: str) -> None:
    assert features_of(version) == frozenset()


def test_a_server_that_speaks_other_meta_commands_is_too_old() -> None:
    assert too_old("1.5.22")
    assert too_old("1.6.9")
    assert not too_old("1.6.18")
    assert not too_old("a proxy of some kind")
