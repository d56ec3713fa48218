"""From the dependencies that a caller gives to the names of tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from afresh.core.tags import Dependency, Key
from afresh.engine.naming import Naming
from afresh.errors import ConfigurationError


def carried_names(dependencies: Dependency | Iterable[Dependency], names: Naming) -> list[str]:
    """The names that a reader of `dependencies` carries: of one, or of several."""
    if not isinstance(dependencies, Iterable):
        dependencies = (dependencies,)
    return [name for each in dependencies for name in _checked(each, names).carried()]


def marked_names(dependencies: Iterable[Dependency], names: Naming) -> list[str]:
    """The names that a write of `dependencies` marks, each once."""
    marked = (name for each in dependencies for name in _checked(each, names).marked())
    return list(dict.fromkeys(marked))


class _OfKey:
    """A key, by the name that its values carry."""

    def __init__(self, key: Key, names: Naming) -> None:
        self._name = (Naming(key.namespace) if key.namespace else names).of_user_key(key.key)

    def carried(self) -> Iterator[str]:
        """The key itself."""
        yield self._name

    marked = carried


def _checked(dependency: Dependency, names: Naming) -> Dependency:
    if isinstance(dependency, Key):
        return _OfKey(dependency, names)
    if not hasattr(dependency, "carried") or not hasattr(dependency, "marked"):
        raise ConfigurationError(
            f"{dependency!r} is not a dependency: write tag({dependency!r}) for a name of your own, "
            'Row("table", key), Where("table", column=value), Table("table") or Key("key").'
        )
    return dependency
