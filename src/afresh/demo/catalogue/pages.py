"""The part of each page that all visitors share, rendered to HTML."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from afresh.demo.catalogue import packages, statistics

_templates = Environment(
    loader=PackageLoader("afresh.demo.catalogue"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def size(kibibytes: int) -> str:
    """A size as people read it."""
    amount, unit = float(kibibytes), "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if unit == "KiB" else f"{amount:.1f} {unit}"


_templates.filters["size"] = size


def render(template: str, **values: Any) -> str:
    """A template, filled in."""
    return _templates.get_template(template).render(**values)


def trusted(html: str) -> Markup:
    """HTML that our own templates rendered, which escape what they are given."""
    return Markup(html)  # noqa: S704


def table(names: list[str], *, brings: bool = False) -> Markup:
    """The table of some packages; `brings` adds a column with what each brings with it."""
    rows = [trusted(table_row(name, brings)) for name in names]
    return trusted(render("table.html", rows=rows, brings=brings))


def table_row(name: str, brings: bool) -> str:
    """One package's row in a table."""
    footprint = packages.footprint(name) if brings else None
    return render("row.html", line=packages.line(name), footprint=footprint)


def home() -> str:
    """The sections, and what people like."""
    sections = [statistics.section(name) for name in statistics.sections()]
    return render("home.html", sections=sections, best=table(statistics.best_rated(10)))


def section(name: str, page: int) -> str | None:
    """One page of a section's list, or `None` when there is no such page."""
    names = packages.in_section(name)
    pages = -(-len(names) // packages.PER_PAGE)
    if not 1 <= page <= pages:
        return None
    shown = names[(page - 1) * packages.PER_PAGE : page * packages.PER_PAGE]
    return render(
        "section.html",
        section=statistics.section(name),
        page=page,
        pages=pages,
        table=table(shown, brings=True),
    )


def package(name: str) -> str | None:
    """Everything about one package, or `None` when there is no such package."""
    found = packages.package(name)
    if found is None:
        return None
    needed_by = packages.needed_by(name)
    return render(
        "package.html",
        package=found,
        line=packages.line(name),
        footprint=packages.footprint(name),
        needs=table(packages.needs(name), brings=True),
        needed_by=table(needed_by[: packages.PER_PAGE]),
        shown=min(len(needed_by), packages.PER_PAGE),
        siblings=table([each for each in packages.of_source(found.source) if each != name]),
    )


def search(words: str) -> str:
    """What was found: its first hundred hits."""
    names = packages.matching(words)
    shown = table(names[: packages.PER_PAGE], brings=True)
    return render("search.html", words=words, found=len(names), table=shown)


def overview() -> str:
    """Figures about the whole catalogue."""
    sections = [statistics.section(name) for name in statistics.sections()]
    demanding = [(name, packages.footprint(name)) for name in statistics.most_demanding()]
    return render(
        "statistics.html",
        sections=sorted(sections, key=lambda each: (-each.installed, each.name)),
        packages=sum(each.packages for each in sections),
        installed=sum(each.installed for each in sections),
        most_needed=table(statistics.most_needed()),
        demanding=sorted(demanding, key=lambda each: (-each[1].installed, each[0])),
        best=table(statistics.best_rated()),
    )
