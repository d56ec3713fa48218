r"""Keys: what a cached call is stored under, the same in every process and release.

A key is a readable prefix and the spelled arguments: `shop.search('red\sshoes',page=2)`. It has no
blanks and no control characters, and at most 200 bytes of UTF-8, so every store takes it as it is.
A longer one keeps its readable beginning and ends in a digest of the whole.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import CodeType
from typing import Any
from weakref import ref

from afresh.core.signatures import check_names, generate
from afresh.core.spelling import Secret, canonical, quoted
from afresh.errors import ConfigurationError, UnkeyableArgument

__all__ = ["LONGEST_KEY", "KeyMaker", "Prefixes", "Secret", "canonical", "key_of"]

LONGEST_KEY = 200
"""Bytes of UTF-8; memcached takes 250, which leaves room for a namespace."""

_DIGEST = 16  # bytes
_LONGEST_SECRET = 64  # bytes, BLAKE2b's limit


def key_of(
    prefix: str,
    arguments: Sequence[tuple[str, object]],
    *,
    secret: bytes = b"",
    secrets: Collection[str] = (),
) -> str:
    """The key of `prefix` with these arguments.

    Args:
        prefix: Usually the function's name.
        arguments: (name, value) in a fixed order; an empty name for a positional one.
        secret: Key of the digests, at most 64 bytes.
        secrets: Names of arguments that are spelled as digests, as if they were `Secret(…)`.

    Raises:
        UnkeyableArgument: A value has no canonical spelling.
    """
    pieces = []
    for name, value in arguments:
        spelled = _spell_secret(value, secret) if name in secrets else _spell(value, secret)
        plain = name.isascii() and name.isidentifier()
        pieces.append(f"{name if plain else quoted(name)}={spelled}" if name else spelled)
    return _shortened(f"{_safe(prefix)}({','.join(pieces)})", secret)


class KeyMaker:
    """Makes the keys of one function's calls.

    However a call is written, by position, by keyword, with defaults or without, it has one key.
    Arguments of a method include `self`: an instance needs `__cache_key__()`, or fields that are
    its equality (a dataclass). A class, for a classmethod, is its qualified name.

    Args:
        function: The function, whose signature counts.
        prefix: Begins its keys; by default its module and qualified name. A function inside of
            another (and a lambda) gets its line too, and the captured values that can be spelled:
            `shop.make.<locals>.price@12['EUR']`.
        ignore: Parameters that make no difference to the result.
        typed: Tell 1, 1.0 and True apart, as arguments (not inside of containers).
        key: Called with the arguments; what it returns replaces them all.
        secrets: Parameters that are spelled as keyed digests.
        secret: Key of the digests, at most 64 bytes.
        prefixes: The prefixes in use within one cache, so that two functions don't share one.

    Raises:
        ConfigurationError: A setting makes no sense, or the prefix belongs to another function.
    """

    __slots__ = ("_secret", "_spelled", "prefix")

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        prefix: str | None = None,
        ignore: Collection[str] = (),
        typed: bool = False,
        key: Callable[..., object] | None = None,
        secrets: Collection[str] = (),
        secret: bytes = b"",
        prefixes: Prefixes | None = None,
    ) -> None:
        if len(secret) > _LONGEST_SECRET:
            raise ConfigurationError(f"secret= has {len(secret)} bytes: give at most {_LONGEST_SECRET}.")
        if key is not None and (ignore or typed or secrets):
            raise ConfigurationError("key= replaces the arguments: leave ignore=, typed= and secrets= out.")
        self.prefix = _default_prefix(function) if prefix is None else _safe(prefix)
        self._secret = secret
        spell: Callable[[Any], str] = partial(_spell_typed if typed else _spell, secret=secret)
        if not secret and not typed:
            spell = canonical  # the same, without a call more
        if key is None:
            hide = partial(_spell_secret, secret=secret)
            self._spelled = _generate(
                function, spell, hide, _names(ignore, "ignore"), _names(secrets, "secrets")
            )
        else:
            replacement = key
            self._spelled = lambda *args, **kwargs: spell(replacement(*args, **kwargs))
        if prefixes is not None:
            prefixes.claim(self.prefix, function)

    def key(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """The key of the call `function(*args, **kwargs)`.

        Raises:
            UnkeyableArgument: An argument has no canonical spelling.
            TypeError: The function doesn't take these arguments.
        """
        key = f"{self.prefix}({self._spelled(*args, **kwargs)})"
        # The usual key is short and ASCII: then characters are bytes.
        return key if len(key) <= LONGEST_KEY and key.isascii() else _shortened(key, self._secret)


class Prefixes:
    """The prefixes in use within one cache: no two living functions share one unknowingly.

    They would with `def _(id)` twice in a module, or with a function defined inside of another
    that captures something without a spelling (a connection, a list) and is made twice.
    """

    __slots__ = ("_holders",)

    def __init__(self) -> None:
        self._holders: dict[str, ref[Callable[..., Any]]] = {}

    def claim(self, prefix: str, function: Callable[..., Any]) -> None:
        """Note that `function` uses `prefix`.

        Functions of the same code and the same captured values may share it; so may a function
        with its successor from another file (a notebook's cell that was run again).

        Raises:
            ConfigurationError: Another function has it.
        """
        held = self._holders.get(prefix)
        other = held() if held is not None else None
        if other is not None and not _interchangeable(other, function):
            raise ConfigurationError(
                f"two functions would share the keys {prefix!r}: {_place(other)} and {_place(function)}. "
                f"Give one of them a prefix= of its own, and pass captured values as arguments."
            )
        with suppress(TypeError):  # a builtin, of which there is only one
            self._holders[prefix] = ref(function)


def _generate(
    function: Callable[..., Any],
    spell: Callable[[Any], str],
    hide: Callable[[Any], str],
    ignore: frozenset[str],
    secrets: frozenset[str],
) -> Callable[..., str]:
    name = getattr(function, "__name__", type(function).__name__)
    try:
        signature = inspect.signature(function)
    except ValueError as error:
        raise ConfigurationError(f"{name}() has no signature that can be read: give it a key=.") from error
    check_names(signature, ignore, "ignore", name)
    check_names(signature, secrets, "secrets", name)
    return generate(signature, spell, hide, name=name, ignore=ignore, secrets=secrets)


def _names(names: Collection[str], option: str) -> frozenset[str]:
    if isinstance(names, str):
        raise ConfigurationError(f"{option}={names!r} is one string: give a list, {option}=[{names!r}].")
    return frozenset(names)


def _spell(value: Any, secret: bytes) -> str:
    if type(value) is Secret:
        return f"secret({value.digest(secret)})"
    return canonical(value)


def _spell_secret(value: Any, secret: bytes) -> str:
    return _spell(value if type(value) is Secret else Secret(value), secret)


def _spell_typed(value: Any, secret: bytes) -> str:
    kind = type(value)
    if kind in _PLAIN_KINDS:
        return _spell(value, secret)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}/{kind.__qualname__}"
    return f"{name}<{_spell(value, secret)}>"


_PLAIN_KINDS = (int, str, type(None), Secret)


def _safe(prefix: str) -> str:
    """Without blanks and control characters, as `quoted` writes them."""
    return quoted(prefix)[1:-1]


def _shortened(key: str, secret: bytes) -> str:
    whole = key.encode()
    if len(whole) <= LONGEST_KEY:
        return key
    from hashlib import blake2b  # here, since it loads OpenSSL

    digest = blake2b(whole, digest_size=_DIGEST, key=secret, person=b"afresh-key").hexdigest()
    # A key that wasn't shortened ends in a bracket, so the two can't meet.
    return f"{whole[: LONGEST_KEY - len(digest) - 1].decode(errors='ignore')}~{digest}"


def _default_prefix(function: Callable[..., Any]) -> str:
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not module or not name:
        raise ConfigurationError(f"{function!r} has no name to begin its keys with: give it a prefix=.")
    code = _code(function)
    if "<" not in name or code is None:
        return _safe(f"{module}.{name}")
    captured = ",".join(filter(None, map(_spelled_capture, _captured(function))))
    return _safe(f"{module}.{name}@{code.co_firstlineno}") + (f"[{captured}]" if captured else "")


def _spelled_capture(value: object) -> str:
    """What a function captured, where that can't change and has a spelling; else nothing."""
    if isinstance(value, (list, dict, set, bytearray)):
        return ""
    try:
        return canonical(value)
    except UnkeyableArgument:
        return ""


def _code(function: Callable[..., Any]) -> CodeType | None:
    return getattr(inspect.unwrap(function), "__code__", None)


def _captured(function: Callable[..., Any]) -> list[object]:
    captured = []
    for cell in getattr(inspect.unwrap(function), "__closure__", None) or ():
        try:
            captured.append(cell.cell_contents)
        except ValueError:  # not assigned yet: the function itself, usually
            captured.append(function)
    return captured


def _interchangeable(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    if one is other:
        return True
    first, second = _code(one), _code(other)
    if first is None or second is None:
        return False
    if first.co_filename != second.co_filename:
        return True
    values, others = _captured(one), _captured(other)
    return first == second and all(mine is its for mine, its in zip(values, others, strict=True))


def _place(function: Callable[..., Any]) -> str:
    code = _code(function)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function)
