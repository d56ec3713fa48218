"""Which texts of templates a fragment was made of: with other texts it is another fragment.

What a fragment includes is known only when it is rendered, so all templates of the project count: those
in the folders of its engines. They are read once in each process; with DEBUG, looked at again every second.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import Engine, TemplateDoesNotExist, engines

_AGAIN = 1.0  # seconds
# A block tag begins with `{% ` in a template, and with its kind in what a parser has read.
_CLOCK = re.compile(
    r"(?:\{%\s*|(?:^|\0)2 )(?:now|lorem)\b|\|\s*(?:timesince|timeuntil|naturaltime|naturalday|random)\b"
)
_INCLUDED = re.compile(r"""(?:\{%\s*|(?:^|\0)2 )include\s+(?:"([^"]+)"|'([^']+)'|(\S+))""")


class Versions:
    """The texts of the project's templates, shortened."""

    def __init__(self) -> None:
        self._digest = ""
        self._at = float("-inf")
        self._seen: tuple[Any, ...] = ()

    def digest(self, now: Callable[[], float]) -> str:
        """Of all of them."""
        if not self._digest or (settings.DEBUG and now() - self._at >= _AGAIN):
            self._at = now()
            files = sorted({file for folder in _folders() for file in folder.rglob("*") if file.is_file()})
            seen = tuple((file, file.stat().st_mtime_ns) for file in files)
            if seen != self._seen or not self._digest:
                self._digest, self._seen = _digest_of(files), seen
        return self._digest


VERSIONS = Versions()


def _folders() -> Iterator[Path]:
    for backend in engines.all():
        engine = getattr(backend, "engine", None)
        for loader in () if engine is None else engine.template_loaders:
            for each in getattr(loader, "loaders", [loader]):
                yield from map(Path, getattr(each, "get_dirs", tuple)())


def _digest_of(files: list[Path]) -> str:
    digest = blake2b(digest_size=8)
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def told_the_time(engine: Engine, source: str) -> bool:
    """Whether a text, or one that it includes, shows what nothing announces: the time, or chance.

    One whose name is known only when it is rendered may.
    """
    return _told(engine, source, set())


def _told(engine: Engine, source: str, seen: set[str]) -> bool:
    if _CLOCK.search(source):
        return True
    for double, single, chosen in _INCLUDED.findall(source):
        name = double or single
        if chosen or name.startswith("."):
            return True
        if name in seen:
            continue
        seen.add(name)
        try:
            text: str = engine.get_template(name).source
        except TemplateDoesNotExist:
            continue
        if _told(engine, text, seen):
            return True
    return False
