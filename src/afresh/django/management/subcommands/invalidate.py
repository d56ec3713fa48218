"""`afresh invalidate …`: announce a change that nobody saw."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import CommandError

from afresh.core.tags import Dependency, Key, Row, Table, Tag
from afresh.django.project import project_cache
from afresh.fragments import fragments_of

HELP = "Announces a change: of a model's rows, of a tag, of a key, or of a fragment."


def add_arguments(parser: Any) -> None:
    """What changed."""
    parser.add_argument("model", nargs="?", help="shop.Product: its table")
    parser.add_argument("keys", nargs="*", help="primary keys: only these rows")
    parser.add_argument("--tag", nargs="+", metavar="PART", help="tag('menu'), or tag('user', 7)")
    parser.add_argument("--key", help="a cached value, by its key")
    parser.add_argument("--fragment", nargs="+", metavar="NAME", help="a fragment, and what it varies on")


def run(options: dict[str, Any], out: Any) -> None:
    """Announce it."""
    dependencies = list(_dependencies(options))
    fragment = options["fragment"]
    if not dependencies and not fragment:
        raise CommandError("say what changed: shop.Product 7, --tag menu, --key KEY or --fragment NAME.")
    cache = project_cache()
    if dependencies:
        cache.invalidate(*dependencies)
    if fragment:
        fragments_of(cache).invalidate(fragment[0], *map(_part, fragment[1:]))
    out.write(", ".join([*map(str, dependencies), *([f"fragment {fragment[0]}"] if fragment else [])]))


def _dependencies(options: dict[str, Any]) -> list[Dependency]:
    found: list[Dependency] = []
    if options["model"]:
        model = _model(options["model"])
        keys = [_key_of(model, key) for key in options["keys"]]
        found += [Row(model, key) for key in keys] or [Table(model)]
    if options["tag"]:
        found.append(Tag(*map(_part, options["tag"])))
    if options["key"]:
        found.append(Key(options["key"]))
    return found


def _model(label: str) -> Any:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError) as error:
        raise CommandError(
            f"{label!r} is no model: write application.Model, such as shop.Product."
        ) from error


def _key_of(model: Any, text: str) -> Any:
    from django.core.exceptions import ValidationError

    try:
        return model._meta.pk.to_python(text)
    except ValidationError as error:
        raise CommandError(f"{text!r} is no key of {model._meta.label}.") from error


def _part(text: str) -> Any:
    """A number is a number: that is what programs write."""
    return int(text) if text.lstrip("-").isdigit() else text
