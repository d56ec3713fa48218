"""The functions that answer hits, generated for the signature of the function they stand for.

This is the hot path of the library, and the one place where plain gives way to quick. A hit in
`functools.lru_cache` (C) takes about 60 ns; a Python function that takes `*args`, builds a key and
checks an entry takes ten times that. What is written here takes about twice:

* the wrapper has the function's own parameters, so Python itself has put the arguments in order,
  and `data[a, b]` is the whole look-up;
* everything that may forbid a hit is folded into the two variables of a `Gate`, which are cells of
  the wrapper's closure, so one comparison is enough
  with a ledger in memory, and two with the machine's ledger (its position is a word of a mapped
  file, and the clock can't move that);
* after the ledger moved, and while dependencies are collected, `Engine.recall` decides without a
  coroutine;
* the hit is counted in the entry, which is also what eviction looks at; no lock, no list, no time.

Only arguments whose equality can't change index an entry directly (`indexable`); for others, for
`key=` and after any doubt the call goes on in `miss`.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Awaitable, Callable, Hashable
from enum import Enum
from inspect import Parameter
from types import CellType, FunctionType
from typing import Any, NamedTuple, TypeAlias

from afresh.core.entry import Entry
from afresh.engine.engine import Engine
from afresh.errors import ConfigurationError

Miss: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], Any]
AsyncMiss: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], Awaitable[Any]]

_INDEXABLE = frozenset({int, str, bytes, bool, type(None)})
_INDEXABLE_BY_NAME = frozenset(  # by name: loading their modules takes as long as all of ours
    {
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("fractions", "Fraction"),
        ("uuid", "UUID"),
    }
)


class ByKey:
    """The index of an entry whose arguments can't stand for themselves."""

    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    def __eq__(self, other: object) -> bool:
        return type(other) is ByKey and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)


def indexable(value: object) -> bool:
    """Whether a value may index an entry: it is equal to the same values for ever."""
    kind = type(value)
    if kind in _INDEXABLE:
        return True
    if kind is float:
        return value == value  # noqa: PLR0124  not a number is not equal to itself
    if kind is tuple or kind is frozenset:
        return all(map(indexable, value))  # type: ignore[call-overload]
    name = (kind.__module__, kind.__qualname__)
    if name == ("decimal", "Decimal"):
        return not value.is_nan()  # type: ignore[attr-defined]
    return isinstance(value, Enum) or name in _INDEXABLE_BY_NAME


class Shape(NamedTuple):
    """How a function's calls are indexed.

    Attributes:
        ignored: Parameters that make no difference.
        typed: Tell 1, 1.0 and True apart.
        by_key: Arguments never index an entry (`key=` was given).
    """

    ignored: frozenset[str] = frozenset()
    typed: bool = False
    by_key: bool = False


def wrap(
    function: Callable[..., Any],
    data: dict[Hashable, Entry],
    engine: Engine,
    miss: Miss | AsyncMiss,
    shape: Shape,
    *,
    private: bool,
) -> Callable[..., Any]:
    """Build the wrapper of a function.

    Args:
        function: What is cached.
        data: Its entries in this process, by index.
        engine: The cache.
        miss: Called with `(args, kwargs)` where the wrapper can't answer by itself.
        shape: How calls are indexed.
        private: Hand out copies.
    """
    parameters = list(inspect.signature(function).parameters.values())
    _refuse_our_names(parameters)
    source = _source(parameters, shape)
    is_async = inspect.iscoroutinefunction(function)
    # Where nothing is kept in memory there is nothing to look up, and a KeyError is dear.
    template = _TEMPLATE if engine.l1 is not None else _TEMPLATE_WITHOUT_MEMORY
    text = template.format(
        head=source.head,
        index=source.lookup,
        arguments=source.arguments,
        check=_IN_MEMORY if engine.backend.words is None else _MAPPED.format(begin=engine.backend.begin),
        guard=source.guard,
        value="_afresh_copy(_afresh_entry.value)" if private else "_afresh_entry.value",
        define="async def" if is_async else "def",
        go="await " if is_async else "",
    )
    scope: dict[str, Any] = {}
    exec(text, scope)  # noqa: S102  made from the names of parameters alone
    cells = {
        "_afresh_data": CellType(data),
        "_afresh_position": engine.gate.position_cell,
        "_afresh_clock": engine.gate.clock_cell,
        "_afresh_words": engine.backend.words,
        "_afresh_recall": CellType(engine.recall),
        "_afresh_miss": CellType(miss),
        "_afresh_copy": CellType(copy.deepcopy),
    }
    wrapper = _with_cells(scope["_afresh_make"](*cells.values()), cells)
    _give_defaults(wrapper, parameters)
    functools.update_wrapper(wrapper, function)
    return wrapper


def _refuse_our_names(parameters: list[Parameter]) -> None:
    for each in parameters:
        if each.name.startswith("_afresh_"):
            raise ConfigurationError(f"{each.name}: call that parameter something else, this is ours.")


_TEMPLATE = """
def _afresh_make(
    _afresh_data, _afresh_position, _afresh_clock, _afresh_words, _afresh_recall, _afresh_miss, _afresh_copy
):
    {define} _afresh_wrapper({head}):
        try:
            {guard}_afresh_entry = _afresh_data[{index}]
        except (KeyError, TypeError):  # absent; or the arguments are not hashable
            pass  # and left here, or it would be the context of what the loader raises
        else:
            if {check}:
                _afresh_entry.hits += 1
                return {value}
            if _afresh_recall(_afresh_entry):
                return {value}
        return {go}_afresh_miss({arguments})
    return _afresh_wrapper
"""
_TEMPLATE_WITHOUT_MEMORY = """
def _afresh_make(
    _afresh_data, _afresh_position, _afresh_clock, _afresh_words, _afresh_recall, _afresh_miss, _afresh_copy
):
    {define} _afresh_wrapper({head}):
        return {go}_afresh_miss({arguments})
    return _afresh_wrapper
"""
_IN_MEMORY = "_afresh_entry.checked_at is _afresh_position"
_MAPPED = "_afresh_entry.checked_at == _afresh_words[{begin}] and _afresh_entry.fresh_until > _afresh_clock"


class _Source(NamedTuple):
    """The parts of the template that depend on the signature."""

    head: str
    lookup: str
    arguments: str
    guard: str = ""


_NEVER_THERE = "_afresh_miss"  # no entry has this index: the look-up fails, and `miss` answers


def _source(parameters: list[Parameter], shape: Shape) -> _Source:
    """The wrapper has the function's parameters, so a call has one form however it was written."""
    head: list[str] = []
    positional: list[str] = []
    keywords: list[str] = []
    before = None
    for each in parameters:
        if each.kind is Parameter.KEYWORD_ONLY and before not in {Parameter.KEYWORD_ONLY, _MORE}:
            head.append("*")
        if before is Parameter.POSITIONAL_ONLY and each.kind is not before:
            head.append("/")
        head.append(
            _STARS.get(each.kind, "") + each.name + ("" if each.default is Parameter.empty else "=None")
        )
        if each.kind in {_NAMED, Parameter.KEYWORD_ONLY}:
            keywords.append(f"**{each.name}" if each.kind is _NAMED else f"{each.name!r}: {each.name}")
        else:
            positional.append(_STARS.get(each.kind, "") + each.name)
        before = each.kind
    if before is Parameter.POSITIONAL_ONLY:
        head.append("/")
    named = [each.name for each in parameters if each.kind is _NAMED]
    return _Source(
        head=", ".join(head),
        lookup=_index(parameters, shape),
        arguments=f"({_tuple(positional)}), {{{', '.join(keywords)}}}",
        guard=f"if {named[0]}: raise KeyError\n            " if named else "",
    )


_MORE, _NAMED = Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD
_STARS: dict[Any, str] = {_MORE: "*", _NAMED: "**"}


def _index(parameters: list[Parameter], shape: Shape) -> str:
    """How the template writes what `index_of` computes."""
    starred = any(each.kind in _STARS for each in parameters)
    if shape.by_key or (starred and (shape.typed or shape.ignored)):
        return _NEVER_THERE
    wanted = [each for each in parameters if each.name not in shape.ignored and each.kind is not _NAMED]
    parts = [_STARS.get(each.kind, "") + each.name for each in wanted]
    if starred:
        return parts[0][1:] if len(parts) == 1 and wanted[0].kind is _MORE else f"({_tuple(parts)})"
    if shape.typed:
        parts += [f"{name}.__class__" for name in parts]
    return parts[0] if len(parts) == 1 else f"({_tuple(parts)})"


def _tuple(parts: list[str]) -> str:
    return ", ".join(parts) + ("," if len(parts) == 1 else "")


def index_of(
    function: Callable[..., Any], shape: Shape
) -> Callable[[tuple[Any, ...], dict[str, Any]], Hashable | None]:
    """A function that gives the index of a call's arguments, or `None` where only its key can be one.

    It takes the arguments as the wrapper passes them to `miss`, so it agrees with the template.
    """
    parameters = list(inspect.signature(function).parameters.values())
    starred = any(each.kind in _STARS for each in parameters)
    by_key = shape.by_key or (starred and (shape.typed or bool(shape.ignored)))
    positional = [each.name for each in parameters if each.kind is not Parameter.KEYWORD_ONLY]
    keywords = [each.name for each in parameters if each.kind is Parameter.KEYWORD_ONLY]
    wanted = [each.name for each in parameters if each.name not in shape.ignored]

    def index(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Hashable | None:
        if by_key or len(kwargs) > len(keywords):
            return None
        if starred:
            parts = (*args, *(kwargs[name] for name in keywords))
            return parts if indexable(parts) else None
        values = dict(zip(positional, args, strict=True)) | kwargs
        parts = tuple(values[name] for name in wanted)
        if not indexable(parts):
            return None
        if shape.typed:
            parts += tuple(type(part) for part in parts)
        return parts[0] if len(parts) == 1 else parts

    return index


def _give_defaults(wrapper: Any, parameters: list[Parameter]) -> None:
    given = [each for each in parameters if each.default is not Parameter.empty]
    wrapper.__defaults__ = (
        tuple(each.default for each in given if each.kind is not Parameter.KEYWORD_ONLY) or None
    )
    wrapper.__kwdefaults__ = {
        each.name: each.default for each in given if each.kind is Parameter.KEYWORD_ONLY
    } or None


def _with_cells(function: Any, cells: dict[str, CellType | None]) -> Callable[..., Any]:
    """A function whose closure is made of these cells, so that a gate sets what hits compare with.

    A variable of a closure is the quickest place that others can write to: a list's item takes
    twice as long to read, and an object's attribute too.
    """
    closure = tuple(cells[name] for name in function.__code__.co_freevars)
    return FunctionType(function.__code__, function.__globals__, function.__name__, None, closure)  # type: ignore[arg-type]
