"""A configuration with places to fill in: `@NAME@`."""

from __future__ import annotations

import re
from importlib import resources

from afresh.errors import ConfigurationError

_PLACE = re.compile(r"@([A-Z_]+)@")
_WORD = re.compile(r"[A-Za-z0-9_.:/@%+,=\-\[\]~*]+")


def filled(template: str, **values: str) -> str:
    """The template of that name with its places filled in.

    Raises:
        KeyError: A place has no value.
    """
    text = resources.files("afresh.edge.configuration").joinpath(template).read_text(encoding="utf-8")
    return _PLACE.sub(lambda found: values[found[1].lower()], text)


def word(name: str, value: str) -> str:
    """A value that stands in a configuration as it is.

    Raises:
        ConfigurationError: It has characters that could end the place where it stands.
    """
    if not _WORD.fullmatch(value):
        raise ConfigurationError(
            f"{name} {value!r}: give letters, digits and . : / @ % + , = - [ ] ~ * only, without spaces."
        )
    return value


def indented(lines: list[str], depth: int) -> str:
    """Lines of a block, each ended."""
    return "".join(f"{' ' * depth if line else ''}{line}\n" for line in lines)


def pattern_of(names: list[str]) -> str:
    """A regular expression for names in which `*` stands for anything that a name may have."""
    return "|".join(re.escape(each).replace(r"\*", r"[^=;&\s]*") for each in names)
