"""`canonical(value)`: one spelling for each value, the same in every process and release.

The contract: **values that compare equal have one spelling, values that don't have different ones.**
So 1, 1.0, True and Decimal(1) are one, as in `functools.lru_cache`; "1" is another; (1, 2) and
[1, 2] differ, a named tuple and the tuple it equals don't; the order of a dict or set is nothing.

Where Python's own equality can't be followed, a spelling is rather too many (a miss) than too few
(another one's value):

* NaN equals nothing, not even itself; here each NaN is spelled `nan`, so that such a call can hit.
* Aware datetimes are instants. Python ignores `fold` between two of one zone, and calls times in a
  gap unequal to everything in other zones; here only the instant counts.
* `OrderedDict` equals a dict in any order and another `OrderedDict` in its own; here it is a kind
  of its own, with its order.
* A value of a class that overrides the equality of the builtin it derives from is refused.

No spelling holds a blank, a control character, or `,` `:` `=` outside of brackets and quotes: that
is why no two values can run into one another. The spellings are a format: tags are hashed from them
(`afresh.core.tags.FORMAT`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from afresh.core.scalars import SPELLERS, Speller, quoted
from afresh.errors import UnkeyableArgument

__all__ = ["Secret", "canonical", "quoted"]

_DEEPEST = 64
_HOW = "give the function a key=, or the class a method __cache_key__(self) that returns what identifies it."


class Secret:
    """A value that must not stand in a key in clear (a session id, a token): spelled as a digest.

    Args:
        value: Anything that can stand in a key.
        secret: Key of the digest (at most 64 bytes). Without one, that of the key maker is used
            where the secret is an argument by itself, and none where it is inside of another value.
    """

    __slots__ = ("_secret", "_value")

    def __init__(self, value: object, *, secret: bytes = b"") -> None:
        self._value = value
        self._secret = secret

    def digest(self, secret: bytes = b"") -> str:
        """32 hexadecimal digits of a keyed BLAKE2b of the value's spelling."""
        spelling = canonical(self._value).encode()
        from hashlib import blake2b  # here, since it loads OpenSSL

        return blake2b(
            spelling, digest_size=16, key=self._secret or secret, person=b"afresh-secret"
        ).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value and self._secret == other._secret

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret(…)"


def canonical(value: object) -> str:
    """Spell `value` so that equal values, and only they, have the same spelling.

    Raises:
        UnkeyableArgument: It is, or holds, something that has no such spelling.
    """
    speller = _spellers.get(type(value))
    return _spelled(value, 0) if speller is None else speller(value, 0)


def _spelled(value: Any, depth: int) -> str:
    kind = type(value)
    speller = _spellers.get(kind)
    if speller is None:
        speller = _find_speller(kind)
        if "<" not in kind.__qualname__:  # a class made anew on each call would be kept for ever
            _spellers[kind] = speller
    return speller(value, depth)


def _items(values: Iterable[Any], depth: int) -> list[str]:
    if depth >= _DEEPEST:
        raise UnkeyableArgument(f"a value is nested more than {_DEEPEST} deep or contains itself: {_HOW}")
    return [_spelled(value, depth + 1) for value in values]


def _numpy_scalar(value: Any, depth: int) -> str:
    plain = value.item()
    if type(plain) is type(value):  # numpy.longdouble has no Python number of its size
        raise UnkeyableArgument(f"a {type(value).__name__} can't stand in a key exactly: {_HOW}")
    return _spelled(plain, depth)


# Containers.


def _tuple(value: Any, depth: int) -> str:
    items = _items(value, depth)
    return f"({items[0]},)" if len(items) == 1 else f"({','.join(items)})"


def _list(value: Any, depth: int) -> str:
    return f"[{','.join(_items(value, depth))}]"


def _set(value: Any, depth: int) -> str:
    return "{" + ",".join(sorted(_items(value, depth))) + "}" if value else "set()"


def _pairs(value: Any, depth: int) -> list[str]:
    keys = _items(value.keys(), depth)
    return [f"{key}:{item}" for key, item in zip(keys, _items(value.values(), depth), strict=True)]


def _dict(value: Any, depth: int) -> str:
    return "{" + ",".join(sorted(_pairs(value, depth))) + "}"


def _ordered_dict(value: Any, depth: int) -> str:
    return f"OrderedDict({','.join(_pairs(value, depth))})"


def _range(value: Any, depth: int) -> str:
    if not value:
        return "range()"
    first, last = value[0], value[-1]
    return f"range({first})" if first == last else f"range({first},{last},{value.step})"


# Things with a name.


def _named(value: Any, depth: int) -> str:
    """A type or a function: the name under which it can be found."""
    name = _name(value)
    module, _, path = name.partition("/")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    if found != value:
        raise UnkeyableArgument(
            f"{value!r} is not what {name.replace('/', '.')!r} names (it is local, or was replaced), "
            f"so it can't stand in a key: define it in a module, or give the function a key=."
        )
    return name


def _name(value: Any) -> str:
    """Module and qualified name, with `/` between: `a.b` + `c` and `a` + `b.c` are two things."""
    module, path = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not (isinstance(module, str) and isinstance(path, str)) or not all(
        part.isidentifier() for part in f"{module}.{path}".split(".")
    ):
        raise UnkeyableArgument(
            f"{value!r} is local or has no name, so it can't stand in a key: define it in a module, "
            f"or give the function a key=."
        )
    return f"{module}/{path}"


def _enum(value: Any, depth: int) -> str:
    return f"{_named(type(value), depth)}.{value._name_}"


def _flag(value: Any, depth: int) -> str:
    return f"{_named(type(value), depth)}({_spelled(value._value_, depth + 1)})"


def _secret(value: Any, depth: int) -> str:
    return f"secret({value.digest()})"


def _own_key(value: Any, depth: int) -> str:
    kind = type(value)
    if depth >= _DEEPEST:
        raise UnkeyableArgument(f"{kind.__qualname__}.__cache_key__() returns itself, or too deep a value.")
    # Its class answers for its identity, so that a local class will do.
    name = f"{kind.__module__}/{kind.__qualname__}".replace("<locals>", "_locals_")
    return f"{name}({_spelled(value.__cache_key__(), depth + 1)})"


def _fields(value: Any, names: tuple[str, ...], depth: int) -> str:
    items = _items((getattr(value, name) for name in names), depth)
    return ",".join(f"{name}={item}" for name, item in zip(names, items, strict=True))


def _by_fields(kind: type, names: tuple[str, ...]) -> Speller:
    name = _named(kind, 0)
    return lambda value, depth: f"{name}({_fields(value, names, depth)})"


def _pydantic(kind: Any) -> Speller:
    name, names = _named(kind, 0), tuple(kind.model_fields)

    def spell(value: Any, depth: int) -> str:
        extra, private = value.__pydantic_extra__, value.__pydantic_private__
        rest = (
            f";{_dict(extra or {}, depth + 1)};{_dict(private or {}, depth + 1)}" if extra or private else ""
        )
        return f"{name}({_fields(value, names, depth)}{rest})"

    return spell


# Which speller a class has.

_BY_NAME: dict[str, Speller] = {
    **SPELLERS,
    "builtins.tuple": _tuple,
    "builtins.list": _list,
    "builtins.dict": _dict,
    "builtins.set": _set,
    "builtins.frozenset": _set,
    "builtins.range": _range,
    "builtins.type": _named,
    "builtins.function": _named,
    "builtins.builtin_function_or_method": _named,
    "collections.OrderedDict": _ordered_dict,
    "enum.Flag": _flag,
    "enum.Enum": _enum,
    "afresh.Secret": _secret,
    **{
        f"numpy.{name}": _numpy_scalar
        for name in ("integer", "floating", "complexfloating", "bool", "bool_", "str_", "bytes_")
    },
}

_spellers: dict[type, Speller] = {}  # those found so far


def _find_speller(kind: type) -> Speller:
    if hasattr(kind, "__cache_key__"):
        return _own_key
    for base in kind.__mro__[:-1]:
        speller = _BY_NAME.get(f"{base.__module__.partition('.')[0]}.{base.__name__}")
        # numpy's scalars compare by themselves, but equal to Python's.
        if speller is not None and (kind.__eq__ is base.__eq__ or speller is _numpy_scalar):
            return speller
    found = _find_fields(kind)
    if found is None:
        raise UnkeyableArgument(f"a {kind.__module__}.{kind.__qualname__} can't stand in a key: {_HOW}")
    return found


def _find_fields(kind: Any) -> Speller | None:
    """For classes whose equality is that of their fields, and not one of their own."""
    equals = kind.__eq__
    source = getattr(getattr(equals, "__code__", None), "co_filename", None)
    if getattr(getattr(kind, "__dataclass_params__", None), "eq", False) and source == "<string>":
        compared = (each.name for each in kind.__dataclass_fields__.values() if _is_compared(each))
        return _by_fields(kind, tuple(compared))
    if getattr(getattr(kind, "__struct_config__", None), "eq", False) and source is None:
        return _by_fields(kind, kind.__struct_fields__)
    if hasattr(kind, "__pydantic_validator__") and equals.__module__.startswith("pydantic."):
        return _pydantic(kind)
    return None


def _is_compared(field: Any) -> bool:
    return bool(field.compare) and field._field_type.name == "_FIELD"
