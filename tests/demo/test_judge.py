"""Counting what is wrong with what a load was shown."""

from __future__ import annotations

from afresh.demo.drive.http import Answer
from afresh.demo.drive.judge import Verdict, against, leaked, outdated
from afresh.demo.drive.oracle import Histories
from afresh.demo.drive.readers import Record


def _page(visitor: str, size: int) -> bytes:
    return b'<data data-fact="visitor" value="%b"><data data-fact="size" value="%d">' % (
        visitor.encode(),
        size,
    )


def _record(*answers: tuple[str, float, bytes]) -> Record:
    record = Record()
    for visitor, began, body in answers:
        record.add("/", visitor, began, Answer(200, b"", body))
    return record


def test_every_answer_is_compared_with_the_uncached_one() -> None:
    right = _record(("", 0, _page("", 1))).seen
    record = _record(("", 1, _page("", 1)), ("", 2, _page("", 1)), ("", 3, _page("", 2)))
    assert against(record, right) == Verdict(compared=3, different=1)


def test_a_page_that_has_no_uncached_answer_is_counted_as_unchecked() -> None:
    assert against(_record(("anna", 1, _page("anna", 1))), {}) == Verdict(unchecked=1)


def test_each_request_that_began_too_late_for_its_answer_is_stale() -> None:
    histories = Histories()
    histories.acknowledge(histories.begin({"size": ("1", "2")}), at=5.0)
    answers = [("", began, _page("", 1)) for began in (1.0, 4.9, 5.1, 9.0)]
    record = _record(*answers, ("", 9.0, _page("", 2)))
    assert outdated(record, histories) == Verdict(checked=5, stale=2)


def test_each_answer_that_belongs_to_somebody_else_is_counted() -> None:
    page = b'<data data-fact="visitor" value="ben"><data data-fact="starred:ben" value="">'
    assert leaked(_record(("ben", 1, page), ("anna", 2, page), ("", 3, page))) == 2


def test_one_thing_wrong_is_enough() -> None:
    assert Verdict(compared=9, checked=9, unchecked=9).right
    for name in ("different", "stale", "leaked", "failed"):
        assert not Verdict(**{name: 1}).right
    verdict = Verdict(compared=1)
    verdict += Verdict(compared=2, stale=1)
    assert verdict == Verdict(compared=3, stale=1)
