"""What `module:attribute` names, as command lines and files of settings write it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from afresh.errors import ConfigurationError


def loaded(name: str) -> Any:
    """What `module:attribute` names.

    Raises:
        ConfigurationError: There is no such thing.
    """
    module, _, path = name.partition(":")
    try:
        found: Any = import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name is None or not module.startswith(missing.name):
            raise
        raise ConfigurationError(f"there is no module {missing.name!r}.") from None
    for attribute in path.split("."):
        if not hasattr(found, attribute):
            raise ConfigurationError(f"{module} has no {path!r}.")
        found = getattr(found, attribute)
    return found
