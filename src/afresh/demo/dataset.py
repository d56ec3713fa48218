"""Facts about packages, by column: the file that is shipped, and how it is read and written.

The file is one xz stream: a line of JSON (the header), then the columns one after the other. Texts
are separated by line feeds. Whole numbers are 32 bits in four planes, all lowest bytes first, since
the high bytes are nearly all zero and compress to nothing that way.
"""

from __future__ import annotations

import json
import lzma
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

FORMAT = 1
SHIPPED = Path(__file__).parent / "data" / "packages.xz"
_TEXTS = {"name", "version", "source", "sections", "priorities"}


@dataclass(slots=True)
class Facts:
    """What is known of each package. The columns of packages are equally long, sorted by name.

    Attributes:
        name: Name of each package, unique.
        version: Its version.
        section: Index of its section in `sections`.
        priority: Index of its priority in `priorities`.
        source: Name of the source package that it is built from; empty when that is its own name.
        installed: Size on disk once installed, in KiB.
        archive: Size of the archive file, in bytes.
        degree: How many packages it depends on directly.
        target: Index in `popular` of each package depended on; `degree` of them for each package.
        popular: Indexes of all packages that others depend on, most wanted first.
        sections: Names of the sections.
        priorities: Names of the priorities.
    """

    name: list[str] = field(default_factory=list)
    version: list[str] = field(default_factory=list)
    section: Sequence[int] = ()
    priority: Sequence[int] = ()
    source: list[str] = field(default_factory=list)
    installed: Sequence[int] = ()
    archive: Sequence[int] = ()
    degree: Sequence[int] = ()
    target: Sequence[int] = ()
    popular: Sequence[int] = ()
    sections: list[str] = field(default_factory=list)
    priorities: list[str] = field(default_factory=list)

    def edges(self) -> Iterator[tuple[str, int, str]]:
        """Each direct dependency: the package, the position in its list, the package it needs."""
        done = 0
        for name, degree in zip(self.name, self.degree, strict=True):
            for position in range(degree):
                yield name, position, self.name[self.popular[self.target[done + position]]]
            done += degree


def write(facts: Facts, path: Path, **about: str) -> None:
    """Pack facts into a file, with what is `about` them in the header."""
    packed = {each.name: _pack(each.name, getattr(facts, each.name)) for each in fields(facts)}
    layout = [[name, len(data)] for name, data in packed.items()]
    header = json.dumps({"format": FORMAT, **about, "columns": layout})
    stream = header.encode() + b"\n" + b"".join(packed.values())
    path.write_bytes(lzma.compress(stream, preset=9 | lzma.PRESET_EXTREME))


def read(path: Path = SHIPPED) -> Facts:
    """Read what `write` wrote.

    Raises:
        ValueError: The file has another format.
    """
    head, _, body = lzma.decompress(path.read_bytes()).partition(b"\n")
    header = json.loads(head)
    if header["format"] != FORMAT:
        raise ValueError(f"{path} has format {header['format']}, this release reads {FORMAT}")
    facts, offset = Facts(), 0
    for name, length in header["columns"]:
        setattr(facts, name, _unpack(name, body[offset : offset + length]))
        offset += length
    return facts


def _pack(name: str, column: Any) -> bytes:
    if name in _TEXTS:
        return "\n".join(column).encode()
    words = _little_endian(array("I", column)).tobytes()
    return b"".join(words[plane::4] for plane in range(4))


def _unpack(name: str, data: bytes) -> list[str] | array[int]:
    if name in _TEXTS:
        return data.decode().split("\n")
    words, count = bytearray(len(data)), len(data) // 4
    for plane in range(4):
        words[plane::4] = data[plane * count : (plane + 1) * count]
    numbers = array("I")
    numbers.frombytes(words)
    return _little_endian(numbers)


def _little_endian(words: array[int]) -> array[int]:
    if sys.byteorder == "big":
        words.byteswap()
    return words
