"""What changes the catalogue: each says what it changed, and what is refused changes nothing."""

from __future__ import annotations

import pytest

from afresh.demo.catalogue import edits, packages, people
from afresh.demo.catalogue.edits import Edit, Refused


@pytest.mark.usefixtures("tiny")
def test_an_edit_says_which_columns_differ() -> None:
    change = edits.edit("a", Edit("second", 10, "moved"))
    assert change.before == Edit("first", 10, "")
    assert change.columns == ["section", "note"]
    assert packages.in_section("second") == ["a", "c", "d", "e"]
    assert edits.edit("a", Edit("second", 10, "moved")).columns == []


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("name", "asked"),
    [("nothing", Edit("first", 1, "")), ("a", Edit("third", 1, "")), ("a", Edit("first", -1, ""))],
)
def test_what_makes_no_sense_is_refused(name: str, asked: Edit) -> None:
    with pytest.raises(Refused):
        edits.edit(name, asked)
    found = packages.package("a")
    assert found is not None
    assert (found.section, found.installed) == ("first", 10)


@pytest.mark.usefixtures("tiny")
def test_a_rating_replaces_the_same_persons_last() -> None:
    ratings, stars = packages.rating("e")
    edits.rate("e", "anna", 5)
    edits.rate("e", "anna", 2)
    assert packages.rating("e") == (ratings + 1, stars + 2)
    for refused in (("nothing", 3), ("e", 6), ("e", 0)):
        with pytest.raises(Refused):
            edits.rate(refused[0], "anna", refused[1])


@pytest.mark.usefixtures("tiny")
def test_a_star_is_put_and_taken() -> None:
    before = [line.name for line in people.starred("anna")]
    assert edits.toggle_star("e", "anna")
    assert [line.name for line in people.starred("anna")] == [*before, "e"]
    assert not edits.toggle_star("e", "anna")
    with pytest.raises(Refused):
        edits.toggle_star("nothing", "anna")


def test_tickets_are_read_only_with_the_key_they_were_signed_with() -> None:
    ticket = people.Tickets("one").write("anna")
    assert people.Tickets("one").read(ticket) == "anna"
    assert people.Tickets("two").read(ticket) == ""
    assert people.Tickets("one").read(ticket[:-1]) == ""
