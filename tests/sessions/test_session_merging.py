"""Each request writes what it has changed."""

from __future__ import annotations

import json

from afresh.sessions.merging import Change, spelled


def test_two_changes_of_one_session_are_both_kept():
    content = {"a": 1, "b": [1], "c": 3}
    before = spelled(content, json.dumps)
    one = Change.of(before, {"a": 2, "b": [1]}, json.dumps)
    other = Change.of(before, {"a": 1, "b": [1, 2], "c": 3, "d": 4}, json.dumps)
    assert one == ({"a": 2}, {"c"})
    assert one.on(other.on(content)) == other.on(one.on(content)) == {"a": 2, "b": [1, 2], "d": 4}


def test_a_value_that_was_changed_in_place_is_a_change():
    content = {"b": [1]}
    before = spelled(content, json.dumps)
    content["b"].append(2)
    assert Change.of(before, content, json.dumps).put == {"b": [1, 2]}


def test_nothing_is_no_change():
    assert not Change.of({"a": "1"}, {"a": 1}, json.dumps)
    assert Change.of({"a": "1"}, {}, json.dumps)
