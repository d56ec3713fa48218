"""How much a memory store may hold: a number of entries, or of bytes."""

from __future__ import annotations

import re
from typing import NamedTuple

from afresh.errors import ConfigurationError

_UNITS = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
}
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmg]i?b|b)\s*", re.IGNORECASE)


class Limit(NamedTuple):
    """The bound of a memory store.

    Attributes:
        most: The largest number of entries, or of bytes.
        in_bytes: Which of the two. Only then is a value weighed when it is stored.
    """

    most: int
    in_bytes: bool = False

    @classmethod
    def of(cls, setting: int | str, name: str = "l1") -> Limit:
        """Read a setting: `10_000` is entries, `"64MB"` or `"512KiB"` is bytes.

        Args:
            setting: The number of entries, or a number of bytes with its unit.
            name: The name of the setting, for the message of the error.

        Raises:
            ConfigurationError: It is neither, or not positive.
        """
        most = 0
        if isinstance(setting, str):
            match = _WRITTEN.fullmatch(setting)
            if match is not None:
                most = int(float(match[1]) * _UNITS[match[2].upper()])
        elif isinstance(setting, int) and not isinstance(setting, bool):
            most = setting
        if most < 1:
            raise ConfigurationError(
                f"{name}={setting!r} is no limit of a memory cache. Write a positive number of entries "
                '(10_000), or bytes with a unit ("64MB", "512KiB", "1GiB").'
            )
        return cls(most, isinstance(setting, str))
