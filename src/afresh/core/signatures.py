"""One order for the arguments of a function, however the call was written.

Binding a call with `inspect.Signature.bind` takes longer than a hit may, so a function is generated
that has the same parameters and spells them: `f(7)`, `f(id=7)` and `f(7, page=1)` (the default) all
arrive in it as the same variables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from inspect import Parameter, Signature
from typing import Any

from afresh.core.spelling import quoted
from afresh.errors import ConfigurationError

__all__ = ["check_names", "generate"]


def check_names(signature: Signature, names: Collection[str], option: str, function: str) -> None:
    """Refuse a name that the function has no parameter of.

    Raises:
        ConfigurationError: With the names that there are.
    """
    parameters = signature.parameters
    takes_any = any(each.kind is Parameter.VAR_KEYWORD for each in parameters.values())
    for name in names:
        if name not in parameters and not takes_any:
            raise ConfigurationError(
                f"{option}={name!r}: {function}() has no such parameter; it has {', '.join(parameters) or 'none'}."
            )


def generate(
    signature: Signature,
    spell: Callable[[Any], str],
    spell_secret: Callable[[Any], str],
    *,
    name: str,
    ignore: Collection[str],
    secrets: Collection[str],
) -> Callable[..., str]:
    r"""Build a function with these parameters that returns the spelled arguments, without brackets.

    Parameters without a default are spelled by position, others by name, so that a key says what
    it was called with: `'red\sshoes',page=2`.

    Args:
        signature: The parameters.
        spell: Spells an argument.
        spell_secret: Spells one that is named in `secrets`.
        name: What a wrong call's `TypeError` names.
        ignore: Parameters (or keywords that `**kwargs` takes) that make no difference.
        secrets: Those that must not stand in clear.
    """
    scope: dict[str, Any] = {
        f"{_OWN}type": type,
        f"{_OWN}int": int,
        f"{_OWN}spell": spell,
        f"{_OWN}secret": spell_secret,
        f"{_OWN}more": _more,
        f"{_OWN}named": partial(_named, spell, spell_secret, frozenset(ignore), frozenset(secrets)),
    }
    heads = _heads(list(signature.parameters.values()), scope)
    pieces = [
        _piece(each, secret=each.name in secrets)
        for each in signature.parameters.values()
        if each.name not in ignore
    ]
    # Each piece begins with a comma, or is nothing where a star has no arguments.
    source = f"def {_OWN}function({', '.join(heads)}): return f{''.join(pieces)!r}[1:]"
    if pieces and pieces[0].startswith(","):
        source = f"def {_OWN}function({', '.join(heads)}): return f{''.join(pieces)[1:]!r}"
    exec(source, scope)  # noqa: S102 - made from the names of parameters alone
    built: Callable[..., str] = scope[f"{_OWN}function"]
    built.__name__ = built.__qualname__ = name
    return built


_OWN = "_afresh_"  # begins every name of ours, so that none is a parameter's
_SMALL = 1 << 62


def _heads(parameters: list[Parameter], scope: dict[str, Any]) -> list[str]:
    heads: list[str] = []
    before = None
    for place, each in enumerate(parameters):
        if before is Parameter.POSITIONAL_ONLY and each.kind is not before:
            heads.append("/")
        if each.kind is Parameter.KEYWORD_ONLY and before not in _STARRED:
            heads.append("*")
        heads.append(_head(each, f"{_OWN}default{place}", scope))
        before = each.kind
    return [*heads, "/"] if before is Parameter.POSITIONAL_ONLY else heads


_STARRED = (Parameter.VAR_POSITIONAL, Parameter.KEYWORD_ONLY)


def _head(each: Parameter, default: str, scope: dict[str, Any]) -> str:
    if each.kind is Parameter.VAR_POSITIONAL:
        return f"*{each.name}"
    if each.kind is Parameter.VAR_KEYWORD:
        return f"**{each.name}"
    if each.default is Parameter.empty:
        return each.name
    scope[default] = each.default
    return f"{each.name}={default}"


def _piece(each: Parameter, *, secret: bool) -> str:
    spell = f"{_OWN}secret" if secret else f"{_OWN}spell"
    if each.kind is Parameter.VAR_POSITIONAL:
        return f"{{{_OWN}more({each.name}, {spell})}}"
    if each.kind is Parameter.VAR_KEYWORD:
        return f"{{{_OWN}named({each.name}, secret={secret!r})}}"
    spelled = f"{spell}({each.name})"
    if not secret:
        # Most arguments are small integers, which spell themselves: 0.1 µs instead of 0.3.
        spelled = f"{each.name} if {_OWN}type({each.name}) is {_OWN}int and -{_SMALL} < {each.name} < {_SMALL} else {spelled}"
    by_name = each.kind is Parameter.KEYWORD_ONLY or each.default is not Parameter.empty
    return f",{each.name}={{{spelled}}}" if by_name else f",{{{spelled}}}"


def _more(values: tuple[Any, ...], spell: Callable[[Any], str]) -> str:
    return "".join(f",{spell(value)}" for value in values)


def _named(
    spell: Callable[[Any], str],
    spell_secret: Callable[[Any], str],
    ignore: frozenset[str],
    secrets: frozenset[str],
    values: Mapping[str, Any],
    *,
    secret: bool,
) -> str:
    """What `**kwargs` took, in the order of the names."""
    pieces = []
    for name in sorted(values):
        if name not in ignore:
            hidden = secret or name in secrets
            spelled = spell_secret(values[name]) if hidden else spell(values[name])
            pieces.append(f",{name if name.isascii() and name.isidentifier() else quoted(name)}={spelled}")
    return "".join(pieces)
