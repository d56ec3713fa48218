"""What an application reads of a request: that is what its answer depends on.

Fields are given to the application under names that notice what they are compared with. So it
doesn't matter which framework asks, nor whether the field is there: that it isn't is an answer too.
Who looks at all names (to log them, or to make a dictionary of them) may have read anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from afresh.rfc import Fields
from afresh.rfc.keys import REDIRECTING
from afresh.rfc.vary import TEXTS

_IN_THE_KEY = REDIRECTING | {b"host"}
"""Fields that are a part of every key already."""

QUERY = "query string"
"""The query was read as it came. Its parameters are in each key; how they are spelled (`%31`, `1`) is not."""

_SPELLING = "spelling:"


def spellings(names: Iterable[bytes]) -> set[str]:
    """How these fields are spelled: who reads one sees that, where for `Vary` two lines are a list in one."""
    return {f"{_SPELLING}{name.decode('latin-1')}" for name in names if name not in TEXTS}


def of_the_visitor(reads: Iterable[str]) -> list[str]:
    """What was read that is neither in the address nor in `Vary`, by which other caches find the page."""
    return [each for each in reads if each != QUERY and not each.startswith(_SPELLING)]


class Reads:
    """What was read of one request so far.

    Attributes:
        fields: The request's, as they came.
        headers: Names of fields, in lower case, and
        others: what else: `cookie:theme`, `client`, `session`, `user`.
        refused: Why the answer can't be shared, whatever its key.
        excused: Names that its `Vary` has for what is noticed anyway: they are for other caches.
    """

    __slots__ = ("_unkeyed", "excused", "fields", "headers", "others", "refused")

    def __init__(self, fields: Fields, unkeyed: frozenset[bytes] = frozenset()) -> None:
        self.fields = fields
        self.headers: set[bytes] = set()
        self.others: set[str] = set()
        self.refused = ""
        self.excused: set[bytes] = set()
        self._unkeyed = unkeyed

    def header(self, name: bytes) -> None:
        """A field was asked for."""
        name = name.lower()
        if name in self._unkeyed:
            return
        if name not in _IN_THE_KEY:
            self.headers.add(name)
        for part in _parts():  # whose key is not that of the page
            part.headers.add(name)

    def read(self, name: str) -> None:
        """Something else was."""
        self.others.add(name)
        for part in _parts():
            part.others.add(name)
            part.address = part.address or name == QUERY

    def refuse(self, reason: str) -> None:
        """Something was done that no key can tell."""
        self.refused = self.refused or reason
        for part in _parts():
            part.refused = part.refused or reason

    def everything(self) -> None:
        """All fields were looked at."""
        self.refuse("all fields of the request were read")

    def named(self) -> list[tuple[bytes, bytes]]:
        """The fields, under names that notice."""
        return [(Name(name, self), value) for name, value in self.fields]


class Part:
    """What was read of a request for a part of its answer, which is kept by itself.

    Attributes:
        headers: As with `Reads`, and so for
        others: what else, and
        refused: why nobody can share it.
        address: It is of one page: another address has another one.
        around: The part that this one is within.
    """

    __slots__ = ("address", "around", "headers", "others", "refused")

    def __init__(self, around: Part | None) -> None:
        self.address = False
        self.around = around
        self.headers: set[bytes] = set()
        self.others: set[str] = set()
        self.refused = ""


_part: ContextVar[Part | None] = ContextVar("afresh.part", default=None)


def _parts() -> Iterator[Part]:
    part = _part.get()
    while part is not None:
        yield part
        part = part.around


def of_one_page() -> None:
    """What is put into the parts that are being made is this page's alone."""
    for part in _parts():
        part.address = True


@contextmanager
def part_of_the_answer() -> Iterator[Part]:
    """What is read of the request within this block, in this thread or task."""
    part = Part(_part.get())
    token = _part.set(part)
    try:
        yield part
    finally:
        _part.reset(token)


class Name(bytes):
    """The name of a field, that notices what it is compared with."""

    _reads: Reads

    def __new__(cls, name: bytes, reads: Reads) -> Name:
        """A name of one request."""
        self = super().__new__(cls, name)
        self._reads = reads
        return self

    def __eq__(self, other: object) -> bool:
        if isinstance(other, bytes):
            self._reads.header(other)
        return bytes.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        self._reads.everything()
        return bytes.__hash__(self)

    def lower(self) -> Name:
        """It is in lower case already."""
        return self


def _noticing(method: str) -> Any:
    original = getattr(bytes, method)

    def noticed(self: Name, *arguments: Any, **named: Any) -> Any:
        self._reads.everything()
        return original(self, *arguments, **named)

    noticed.__name__ = method
    return noticed


# Whatever else is done with a name: what it will be compared with then is not seen here any more.
for _method in (
    "__add__", "__bytes__", "__contains__", "__ge__", "__getitem__", "__gt__", "__iter__", "__le__", "__lt__",
    "__mod__", "__repr__", "__str__", "capitalize", "count", "decode", "endswith", "find", "hex", "index", "join",
    "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rpartition", "rsplit",
    "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "translate", "upper", "__len__",
):  # fmt: skip
    setattr(Name, _method, _noticing(_method))


class Client(tuple[Any, ...]):
    """The client's address, that notices when it is read."""

    _reads: Reads

    @classmethod
    def of(cls, client: Iterable[Any], reads: Reads) -> Client:
        """The address of one request."""
        self = cls(client)
        self._reads = reads
        return self


class Cookies(dict[str, str]):
    """A request's cookies, that notice which are read."""

    reads: Reads

    def __getitem__(self, name: str) -> str:
        self.reads.read(f"cookie:{name}")
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """One cookie."""
        self.reads.read(f"cookie:{name}")
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.reads.read(f"cookie:{name}")
        return super().__contains__(name)

    def _all(self) -> None:
        self.reads.header(b"cookie")

    __hash__ = None


def _read(original: Any) -> Any:
    def read(self: Client, *arguments: Any) -> Any:
        self._reads.read("client")
        return original(self, *arguments)

    return read


def _all_read(original: Any) -> Any:
    def read(self: Cookies, *arguments: Any) -> Any:
        self._all()
        return original(self, *arguments)

    return read


# Each has its own: what an overridden method does is not what `!=` or `|` of the base do.
for _method in (
    "__add__", "__contains__", "__eq__", "__ge__", "__getitem__", "__gt__", "__hash__", "__iter__", "__le__",
    "__len__", "__lt__", "__mul__", "__ne__", "__repr__", "__rmul__", "count", "index",
):  # fmt: skip
    setattr(Client, _method, _read(getattr(tuple, _method)))

for _method in (
    "__eq__", "__ior__", "__iter__", "__len__", "__ne__", "__or__", "__repr__", "__reversed__", "__ror__", "copy",
    "items", "keys", "pop", "popitem", "setdefault", "values",
):  # fmt: skip
    setattr(Cookies, _method, _all_read(getattr(dict, _method)))
