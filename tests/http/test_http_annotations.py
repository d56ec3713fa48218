"""What the annotations of parameters say."""

from __future__ import annotations

import inspect
from typing import Annotated, Optional

import pytest

from afresh.errors import ConfigurationError
from afresh.http.requests.annotations import arguments_of, classes_in, hints_of, is_of, names_and_kinds


class Session:
    pass


class Own(Session):
    pass


@pytest.mark.parametrize(
    ("hint", "found"),
    [
        (Session, [Session]),
        (Annotated[Annotated[Session, 1], 2], [Session]),
        (Session | None, [Session]),
        (Optional[Annotated[Own, 1]], [Own]),  # noqa: UP045  as older code has it
        (Own | int, [Own, int]),
        (list[Session], [list]),
        (None, []),
        ("text", []),
    ],
)
def test_classes_are_found_through_what_is_around_them(hint, found):
    assert classes_in(hint) == found


def test_all_of_them_have_to_be_of_a_kind():
    assert is_of([Own, Session], Session)
    assert not is_of([Own, int], Session)
    assert not is_of([], Session)


def test_what_is_ignored_is_named_or_is_a_type():
    assert names_and_kinds(["a", Session, "b"]) == ({"a", "b"}, (Session,))
    assert names_and_kinds("whole") == ({"whole"}, ())
    assert names_and_kinds(Session) == (set(), (Session,))  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="names of parameters, and types"):
        names_and_kinds(["a", 3])  # type: ignore[list-item]


def test_annotations_are_looked_up():
    def view(session: Annotated[Session, 1]) -> int:
        return 1

    assert hints_of(view) == {"session": Annotated[Session, 1], "return": int}
    view.__annotations__["session"] = "Nowhere"
    with pytest.raises(ConfigurationError, match="define what it names first"):
        hints_of(view)


def test_a_key_gets_the_arguments_that_it_names():
    def view(a: int, b: int) -> None: ...

    given = {"a": 1, "b": 2}
    signature = inspect.signature(view)
    assert arguments_of(lambda b: b, signature, "view")(given) == 2
    assert arguments_of(lambda b, **others: others, signature, "view")(given) == {"a": 1}
    with pytest.raises(ConfigurationError, match=r"takes 'c', which is no parameter of view\(a"):
        arguments_of(lambda c: c, signature, "view")
