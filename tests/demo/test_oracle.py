"""The oracle: it accepts what is right, and above all it does not accept what is wrong."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from afresh.demo.drive.oracle import Histories, leaks, shown


def _edited(*values: str) -> Histories:
    """A fact whose n-th value was acknowledged at second n; the first is from before."""
    histories = Histories()
    for number, (before, asked) in enumerate(pairwise(values), start=1):
        histories.acknowledge(histories.begin({"size": (before, asked)}), number)
    return histories


def test_facts_are_read_from_a_page() -> None:
    body = b'<data data-fact="note:a" value="&lt;b&gt; &#34;x&#34;">shown</data> <data data-fact="size:a" value="">'
    assert shown(body) == {"note:a": '<b> "x"', "size:a": ""}


def test_a_fact_that_is_shown_with_two_values_is_judged_for_both() -> None:
    body = b'<data data-fact="size" value="1"> <data data-fact="size" value="2"> <data data-fact="size" value="1">'
    facts = shown(body)
    assert sorted(facts.values()) == ["1", "2"]
    assert _edited("1", "2").valid_until(facts) == 1
    assert _edited("2", "1").valid_until(facts) == 1


def test_an_old_value_is_wrong_once_the_edit_is_acknowledged() -> None:
    histories = _edited("1", "2", "3")
    assert histories.superseded("size", "1") == 1
    assert histories.superseded("size", "2") == 2
    assert histories.superseded("size", "3") == math.inf


def test_both_values_are_right_while_an_edit_is_under_way() -> None:
    histories = _edited("1", "2")
    histories.begin({"size": ("2", "3")})
    assert histories.superseded("size", "2") == histories.superseded("size", "3") == math.inf
    assert histories.superseded("size", "1") == 1


def test_a_value_that_never_was_is_always_wrong() -> None:
    assert _edited("1", "2").superseded("size", "7") == -math.inf


def test_a_value_that_came_back_is_right_again() -> None:
    assert _edited("1", "2", "1").superseded("size", "1") == math.inf
    assert _edited("1", "2", "1", "3").superseded("size", "1") == 3


def test_what_was_not_edited_says_nothing() -> None:
    histories = _edited("1", "2")
    assert histories.valid_until({"size of another": "1"}) == math.inf
    assert histories.valid_until({}) == math.inf
    assert histories.valid_until({"size of another": "1", "size": "1"}) == 1


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=9), st.sampled_from("abc"), st.integers(0, 9))
def test_a_value_is_accepted_exactly_when_some_schedule_allows_it(
    values: list[str], seen: str, began: int
) -> None:
    """Against the definition: at a time just after edit `began`, the value may be any from then on."""
    distinct = [value for number, value in enumerate(values) if number == 0 or value != values[number - 1]]
    histories = _edited(*distinct)
    allowed = seen in distinct[min(began, len(distinct) - 1) :]
    if len(distinct) > 1:
        assert (began + 0.5 <= histories.superseded("size", seen)) == allowed


def test_leaks() -> None:
    anna = {"visitor": "anna", "starred:anna": "a b", "size:a": "1"}
    assert not leaks(anna, "anna")
    assert not leaks({"visitor": ""}, "")
    assert leaks(anna, "ben")
    assert leaks(anna, "")
    assert leaks({"visitor": ""}, "anna")
    assert leaks({**anna, "visitor": ""}, "")
    assert leaks({**anna, "visitor": "ben"}, "ben")
    assert leaks({**anna, "starred:ben": ""}, "anna")
    assert leaks({}, "")
