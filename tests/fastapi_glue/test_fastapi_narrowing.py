"""What FastAPI is given to look at: the fields and cookies that parameters name."""

from typing import Annotated

from fastapi import Cookie, Header
from fastapi.dependencies.utils import get_dependant
from pydantic import BaseModel
from starlette.datastructures import Headers, QueryParams

from afresh.fastapi.narrowing import narrowed


class Flags(BaseModel):
    x_flag: str = "none"


def named(
    x_flag: Annotated[str, Header()],
    other: Annotated[str, Header(alias="X-Other")],
    theme: Annotated[str, Cookie()],
    lang: Annotated[str, Cookie(alias="language")],
) -> None:
    """A path operation."""


def modelled(flags: Annotated[Flags, Header()], more: Annotated[Flags, Cookie()]) -> None:
    """One with models."""


FIELDS = Headers({"x-flag": "1", "x-other": "2", "user-agent": "3"})
COOKIES = {"theme": "dark", "language": "de", "id": "7"}


def test_parameters_get_what_they_name():
    dependant = get_dependant(path="/", call=named)
    assert dict(narrowed(dependant.header_params, FIELDS)) == {"x-flag": "1", "x-other": "2"}
    assert narrowed(dependant.cookie_params, COOKIES) == {"theme": "dark", "language": "de"}
    assert dict(narrowed(dependant.header_params, Headers({}))) == {}
    repeated = Headers(raw=[(b"x-flag", b"1"), (b"x-flag", b"2")])
    assert narrowed(dependant.header_params, repeated).getlist("X-Flag") == ["1", "2"]


def test_models_and_what_names_nothing_get_all():
    dependant = get_dependant(path="/", call=modelled)
    assert narrowed(dependant.header_params, FIELDS) is FIELDS
    assert narrowed(dependant.cookie_params, COOKIES) is COOKIES
    assert narrowed([], FIELDS) is FIELDS
    query = QueryParams("a=1")
    assert narrowed(get_dependant(path="/", call=named).header_params, query) is query
