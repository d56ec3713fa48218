"""The routes: each takes the part of a page that all share, and adds what is this visitor's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from afresh.demo.catalogue import database, edits, packages, pages, people, statistics

_COOKIE = "person"
_STATIC = Path(__file__).parent / "static"
_MOST_NOTE = 2_000  # characters


def create_site(path: Path, secret: str) -> Starlette:
    """The application.

    Args:
        path: The database's file.
        secret: The key that cookies are signed with.
    """
    database.use(path)
    site = Starlette(
        routes=[
            Route("/", home),
            Route("/section/{name}", section),
            Route("/package/{name}", package),
            Route("/search", search),
            Route("/statistics", overview),
            Route("/sign-in", sign_in),
            Route("/sign-in", signed_in, methods=["POST"]),
            Route("/sign-out", signed_out, methods=["POST"]),
            Route("/edit/{name}", edit_form),
            Route("/edit/{name}", edited, methods=["POST"]),
            Route("/rate/{name}", rated, methods=["POST"]),
            Route("/star/{name}", starred, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ]
    )
    site.state.tickets = people.Tickets(secret)
    return site


def visitor(request: Request) -> str:
    """Who is asking; empty for somebody who has not signed in."""
    cookie = request.cookies.get(_COOKIE)
    tickets: people.Tickets = request.app.state.tickets
    return tickets.read(cookie) if cookie else ""


def page(request: Request, title: str, main: str | None, *, about: str = "", status: int = 200) -> Response:
    """A whole page: the part that all share, inside what is this visitor's own.

    Args:
        request: What is answered.
        title: The page's title.
        main: The shared part; `None` says that there is no such page.
        about: The package that the page is about, which the visitor may star, rate or edit there.
        status: The status of the answer.
    """
    if main is None:
        title, main, about, status = "Not found", pages.render("missing.html"), "", 404
    person = visitor(request)
    html = pages.render(
        "layout.html",
        title=title,
        main=pages.trusted(main),
        person=person,
        starred=people.starred(person) if person else [],
        editor=people.may_edit(person),
        about=about,
    )
    return HTMLResponse(html, status)


def home(request: Request) -> Response:
    """All sections."""
    return page(request, "Packages", pages.home())


def section(request: Request) -> Response:
    """One section's packages, a hundred at a time."""
    name, number = request.path_params["name"], request.query_params.get("page", "1")
    main = pages.section(name, int(number)) if number.isdecimal() and len(number) < 6 else None
    return page(request, name, main)


def package(request: Request) -> Response:
    """One package."""
    name = request.path_params["name"]
    return page(request, name, pages.package(name), about=name)


def search(request: Request) -> Response:
    """The packages whose names contain what was searched for."""
    words = " ".join(request.query_params.get("q", "").lower().split())[:80]
    return page(request, f"Search: {words}", pages.search(words))


def overview(request: Request) -> Response:
    """Statistics."""
    return page(request, "Statistics", pages.overview())


def sign_in(request: Request) -> Response:
    """The form to sign in."""
    return page(request, "Sign in", _sign_in_form())


async def signed_in(request: Request) -> Response:
    """Sign in."""
    form = await request.form()
    name = _text(form, "name")
    if not people.known(name, _text(form, "password")):
        return page(request, "Sign in", _sign_in_form("That is not the right name or password."), status=403)
    answer = RedirectResponse("/", status_code=303)
    ticket = request.app.state.tickets.write(name)
    answer.set_cookie(_COOKIE, ticket, httponly=True, samesite="strict")
    return answer


def signed_out(request: Request) -> Response:
    """Sign out."""
    answer = RedirectResponse("/", status_code=303)
    answer.delete_cookie(_COOKIE)
    return answer


def edit_form(request: Request) -> Response:
    """The form in which an editor changes a package."""
    found = packages.package(request.path_params["name"])
    if not people.may_edit(visitor(request)):
        return page(request, "Sign in", _sign_in_form("Sign in as the editor."), status=403)
    main = pages.render("edit.html", package=found, sections=statistics.sections()) if found else None
    return page(request, "Edit", main)


async def edited(request: Request) -> Response:
    """Change a package."""
    form = await request.form()

    def change(name: str, person: str) -> None:
        if not people.may_edit(person):
            raise PermissionError
        note = " ".join(_text(form, "note").split())[:_MOST_NOTE]
        edits.edit(name, edits.Edit(_text(form, "section"), int(_text(form, "installed")), note))

    return await _write(request, change)


async def rated(request: Request) -> Response:
    """Rate a package."""
    form = await request.form()
    return await _write(request, lambda name, person: edits.rate(name, person, int(_text(form, "stars"))))


async def starred(request: Request) -> Response:
    """Star a package, or take the star away."""

    def change(name: str, person: str) -> None:
        edits.toggle_star(name, person)

    return await _write(request, change)


async def _write(request: Request, change: Callable[[str, str], None]) -> Response:
    """Make a change in a thread of its own, and go back to the package's page."""
    name, person = request.path_params["name"], visitor(request)
    if not person:
        return PlainTextResponse("sign in first", 403)
    try:
        await run_in_threadpool(change, name, person)
    except PermissionError:
        return PlainTextResponse("only the editor may do this", 403)
    except ValueError as refused:
        return PlainTextResponse(str(refused), 400)
    return RedirectResponse(f"/package/{quote(name)}", status_code=303)


def _sign_in_form(problem: str = "") -> str:
    return pages.render("sign_in.html", people=database.PEOPLE, password=database.PASSWORD, problem=problem)


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""
