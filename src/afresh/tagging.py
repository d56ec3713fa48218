"""`tags=` of a decorated function: dependencies, or a function that takes the arguments it names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from inspect import Parameter
from typing import Any, TypeAlias

from afresh.core.tags import Dependency
from afresh.errors import ConfigurationError

Given: TypeAlias = Dependency | Iterable[Dependency]
Tags: TypeAlias = Given | Callable[..., Given] | None
OfCall: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], Callable[[], Iterable[Dependency]]]


def tags_of_call(function: Callable[..., Any], tags: Tags) -> OfCall | None:
    """What gives the dependencies of one call of `function`.

    `tags=lambda id: [Row("product", id)]` serves a function of `(id, lang="en")` just as well: it
    is given the arguments whose names it has.

    Raises:
        ConfigurationError: It names an argument that the function doesn't have, or it is neither
            dependencies nor a function.
    """
    if tags is None:
        return None
    if not callable(tags):
        fixed = listed(tags)
        return lambda args, kwargs: lambda: fixed
    wanted = inspect.signature(tags).parameters.values()
    signature = inspect.signature(function)
    everything = any(each.kind is Parameter.VAR_KEYWORD for each in wanted)
    names = [
        each.name for each in wanted if each.kind in {Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY}
    ]
    for each in wanted:
        if each.name in names and each.name not in signature.parameters and each.default is Parameter.empty:
            raise ConfigurationError(
                f"tags= takes {each.name!r}, which is no parameter of {function.__qualname__}{signature}: "
                "name the arguments as the function does."
            )

    def dependencies(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterable[Dependency]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        return listed(
            tags(**(given if everything else {name: given[name] for name in names if name in given}))
        )

    return lambda args, kwargs: lambda: dependencies(args, kwargs)


def listed(given: object) -> list[Dependency]:
    """The dependencies that were given: one, or several.

    Raises:
        ConfigurationError: There is something else.
    """
    several: list[Any] = (
        list(given) if isinstance(given, Iterable) and not isinstance(given, (str, bytes)) else [given]
    )
    for each in several:
        if not (hasattr(each, "carried") and hasattr(each, "marked")):
            raise ConfigurationError(
                f"tags={given!r}: {each!r} is not a dependency. Write tag({each!r}) for a name of your own, "
                'Row("table", key), Where("table", column=value), Table("table") or Key("key").'
            )
    return several
