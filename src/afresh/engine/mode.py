"""`off | shadow | on`, for a cache or for a share of its calls."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias

from afresh.errors import ConfigurationError

ModeName: TypeAlias = Literal["off", "shadow", "on"]

_WRITTEN = re.compile(r"\s*(off|shadow|on)\s*(?:(\d+(?:\.\d+)?)\s*%)?\s*")


class Mode(NamedTuple):
    """What a cache does with a share of its calls; the rest are `off`, or `on` beside a shadow.

    * `on`: hits are served.
    * `shadow`: every call loads; the result is stored, and compared with what would have been
      served; a difference is an event.
    * `off`: every call loads, nothing is stored.
    """

    name: ModeName
    share: float = 1.0

    @classmethod
    def of(cls, written: str | Mode) -> Mode:
        """Read `"on"`, `"off"`, `"shadow"`, or with a share: `"shadow 10%"`, `"on 5%"`.

        Raises:
            ConfigurationError: It is none of these.
        """
        if isinstance(written, Mode):
            return written
        match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
        share = 1.0 if match is None or match[2] is None else float(match[2]) / 100
        if match is None or share > 1.0:
            raise ConfigurationError(
                f'mode={written!r}: write "on", "off" or "shadow", or one with a share of the calls: "shadow 10%".'
            )
        return cls(match[1], share)  # type: ignore[arg-type]

    def __str__(self) -> str:
        return self.name if self.share == 1.0 else f"{self.name} {self.share * 100:g}%"

    @property
    def plain(self) -> bool:
        """Whether every call is simply served: hits need no thought."""
        return self.name == "on" and self.share == 1.0

    def draw(self, draw: float) -> ModeName:
        """What to do with one call, given a random number in [0, 1)."""
        if draw < self.share:
            return self.name
        return "off" if self.name == "on" else "on"


ON = Mode("on")


def same(one: object, other: object) -> bool:
    """Whether a value is what another load gives, as far as the values themselves say."""
    try:
        return bool(one == other)
    except Exception:
        return True
