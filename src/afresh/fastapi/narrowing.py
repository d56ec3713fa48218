"""Before 0.160, FastAPI looks at all fields and cookies where a path operation names one of them.

It does so for parameter models, and then throws away what it found. A page would depend on everything
its visitor sends. So there FastAPI is given what is asked for, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.dependencies import utils
from pydantic import BaseModel
from starlette.datastructures import Headers


def narrowed(fields: Sequence[Any], received: Any) -> Any:
    """Of what was received, that which these parameters name; all of it for a model, which may take all."""
    if not fields or (len(fields) == 1 and _is_model(fields[0])):
        return received
    names = dict.fromkeys(name for field in fields for name in _names(field))
    if isinstance(received, Headers):
        pairs = [(name.lower(), value) for name in names for value in received.getlist(name)]
        return Headers(raw=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs])
    if isinstance(received, dict):
        return {name: received[name] for name in names if name in received}
    return received


def _is_model(field: Any) -> bool:
    kind = field.field_info.annotation
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _names(field: Any) -> list[str]:
    given = (field.alias, getattr(field, "validation_alias", None))
    return [name for name in given if isinstance(name, str)]


def install() -> None:
    """Narrow, where FastAPI needs it."""
    if hasattr(utils, "_request_param_model_to_args"):
        return
    plain: Any = utils.request_params_to_args

    def request_params_to_args(fields: Any, received_params: Any) -> Any:
        return plain(fields, narrowed(fields, received_params))

    utils.request_params_to_args = request_params_to_args
