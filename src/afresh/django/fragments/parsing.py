"""The tags, as they are parsed: `{% afresh [ttl] name [vary …] [using=…] [ttl=…] %}`.

They take what Django's `{% cache %}` takes, in its order: to switch is to rename. What it can't say is an
age that is left out: the name stands first then, in quotes where something follows it.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any

from django.template import TemplateSyntaxError
from django.template.base import Parser, Token

from afresh.core.durations import seconds
from afresh.django.fragments.nodes import FragmentNode, Tag, UncachedNode
from afresh.errors import ConfigurationError

_OPTION = re.compile(r"(\w+)=(.+)")
_OPTIONS = ("ttl", "using")
_QUOTED = re.compile(r"""(["'])(.*)\1""")
_NUMBER = re.compile(r"\d+(\.\d*)?")


def fragment(parser: Parser, token: Token) -> FragmentNode:
    """`{% afresh … %} … {% endafresh %}`."""
    given, options = _divided(token.split_contents()[1:])
    ttl, name, vary = _sorted(given, options.pop("ttl", None))
    before = list(parser.tokens)
    nodelist = parser.parse(("endafresh",))
    source = _source(before, parser.tokens)
    parser.delete_first_token()
    tag = Tag(
        name,
        None if ttl is None else parser.compile_filter(ttl),
        tuple([parser.compile_filter(each) for each in vary]),
        {option: parser.compile_filter(value) for option, value in options.items()}.get("using"),
    )
    return FragmentNode(tag, nodelist, source)


def uncached(parser: Parser, token: Token) -> UncachedNode:
    """`{% uncached %} … {% enduncached %}`."""
    if len(token.split_contents()) > 1:
        raise TemplateSyntaxError("{% uncached %} takes nothing.")
    before = list(parser.tokens)
    nodelist = parser.parse(("enduncached",))
    source = _source(before, parser.tokens)
    parser.delete_first_token()
    place = f"{getattr(parser.origin, 'template_name', None)}:{token.lineno}"
    return UncachedNode(nodelist, source, f"{place}:{blake2b(source.encode(), digest_size=8).hexdigest()}")


def _divided(bits: list[str]) -> tuple[list[str], dict[str, str]]:
    given: list[str] = []
    options: dict[str, str] = {}
    for bit in bits:
        option = _OPTION.fullmatch(bit)
        if option is None:
            given.append(bit)
        elif option[1] not in _OPTIONS:
            raise TemplateSyntaxError(
                f"{option[1]!r} is no option of {{% afresh %}}: there are {', '.join(_OPTIONS)}."
            )
        else:
            options[option[1]] = option[2]
    return given, options


def _sorted(given: list[str], ttl: str | None) -> tuple[str | None, str, list[str]]:
    """The age, the name, and what it varies on."""
    if len(given) > 1 and ttl is None and not _is_name(given[0]):
        ttl, *given = given
    if not given or _NUMBER.fullmatch(given[0]):
        raise TemplateSyntaxError(
            'A fragment needs a name: {% afresh "shelf" category.pk %}, {% afresh 500 shelf %}.'
        )
    name, *vary = given
    quoted = _QUOTED.fullmatch(name)
    return ttl, quoted[2] if quoted else name, vary


def _is_name(first: str) -> bool:
    """Whether the first of several is the name: a text that is no duration."""
    quoted = _QUOTED.fullmatch(first)
    if quoted is None:
        return False
    try:
        seconds(quoted[2], "ttl")
    except ConfigurationError:
        return True
    return False


def _source(before: list[Any], after: list[Any]) -> str:
    """What stood between: a parser has its tokens backwards."""
    return "\0".join(f"{each.token_type.value} {each.contents}" for each in reversed(before[len(after) :]))
