"""From the dependencies that a caller gives to the names of tags."""

from __future__ import annotations

from collections.abc import Iterable

from afresh.core.tags import Dependency, Key
from afresh.errors import ConfigurationError


def carried_names(dependencies: Iterable[Dependency], namespace: str) -> list[str]:
    """The names that a reader of `dependencies` carries."""
    return [name for each in dependencies for name in _checked(each, namespace).carried()]


def marked_names(dependencies: Iterable[Dependency], namespace: str) -> list[str]:
    """The names that a write of `dependencies` marks, each once."""
    names = (name for each in dependencies for name in _checked(each, namespace).marked())
    return list(dict.fromkeys(names))


def _checked(dependency: Dependency, namespace: str) -> Dependency:
    if isinstance(dependency, Key):
        return dependency if dependency.namespace else Key(dependency.key, namespace)
    if not hasattr(dependency, "carried") or not hasattr(dependency, "marked"):
        raise ConfigurationError(
            f"{dependency!r} is not a dependency: write tag({dependency!r}) for a name of your own, "
            'Row("table", key), Where("table", column=value), Table("table") or Key("key").'
        )
    return dependency
