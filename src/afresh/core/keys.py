r"""Keys: what a cached call is stored under, the same in every process and release.

A key is a readable prefix and the spelled arguments: `shop.search('red\sshoes',page=2)`. It has no
blanks and no control characters, and at most 200 bytes of UTF-8, so every store takes it as it is.
A longer one keeps its readable beginning and ends in a digest of the whole.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from afresh.core.prefixes import Prefixes, default_prefix, readable
from afresh.core.signatures import check_names, generate
from afresh.core.spelling import Secret, canonical, quoted
from afresh.errors import ConfigurationError

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
    return _shortened(f"{readable(prefix)}({','.join(pieces)})", secret)


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
        shared: Other processes have the same keys, so what this function captured must tell it
            from theirs (unless a prefix or a key is given, which then says it).

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
        shared: bool = False,
    ) -> None:
        _check_options(prefix, typed, key, secret)
        if key is not None and (ignore or typed or secrets):
            raise ConfigurationError("key= replaces the arguments: leave ignore=, typed= and secrets= out.")
        self.prefix = (
            default_prefix(function, whole=shared and key is None) if prefix is None else readable(prefix)
        )
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

    def within(self, namespace: str) -> Callable[[tuple[Any, ...], dict[str, Any]], str]:
        """`key` with a namespace before it, in one string and one call: for hits that ask a server."""
        front, spelled = f"{namespace}{self.prefix}(", self._spelled
        longest = len(namespace) + LONGEST_KEY

        def key(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
            key = f"{front}{spelled(*args, **kwargs)})"
            return key if len(key) <= longest and key.isascii() else namespace + self.key(args, kwargs)

        return key


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


def _check_options(prefix: object, typed: object, key: object, secret: object) -> None:
    if prefix is not None and (not isinstance(prefix, str) or not prefix):
        raise ConfigurationError(f'prefix={prefix!r}: give what the keys begin with, prefix="shop.price".')
    if not isinstance(typed, bool):
        raise ConfigurationError(f"typed={typed!r}: give True or False.")
    if key is not None and not callable(key):
        raise ConfigurationError(
            f"key={key!r}: give a function of the same arguments, key=lambda id, **_: id, "
            "whose result replaces them."
        )
    if not isinstance(secret, bytes):
        raise ConfigurationError(f'secret= is {type(secret).__name__}: give bytes, secret=b"...".')
    if len(secret) > _LONGEST_SECRET:
        raise ConfigurationError(f"secret= has {len(secret)} bytes: give at most {_LONGEST_SECRET}.")


def _names(names: object, option: str) -> frozenset[str]:
    if isinstance(names, str):
        raise ConfigurationError(f"{option}={names!r} is one string: give a list, {option}=[{names!r}].")
    found: list[Any] = list(names) if isinstance(names, Iterable) else [names]
    if not all(isinstance(name, str) for name in found):
        raise ConfigurationError(f"{option}={names!r}: give a list of the names of parameters.")
    return frozenset(found)


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


def _shortened(key: str, secret: bytes) -> str:
    whole = key.encode("utf-8", "surrogatepass")
    if len(whole) <= LONGEST_KEY:
        return key
    from hashlib import blake2b  # here, since it loads OpenSSL

    digest = blake2b(whole, digest_size=_DIGEST, key=secret, person=b"afresh-key").hexdigest()
    # A key that wasn't shortened ends in a bracket, so the two can't meet.
    return f"{whole[: LONGEST_KEY - len(digest) - 1].decode(errors='ignore')}~{digest}"
