"""Exceptions that are remembered: what is raised again must not carry what others were doing."""

from __future__ import annotations

import copy


def again(error: Exception) -> Exception:
    """A copy to raise, without traceback, cause and context.

    Raising an exception writes to it: the frames that it passes, and what was being handled. Of
    one object raised for many callers, each would see the others'. One that can't be copied is
    raised itself, cleaned.
    """
    try:
        fresh = copy.copy(error)
        if type(fresh) is not type(error) or fresh.args != error.args:
            fresh = error
    except Exception:
        fresh = error
    fresh.__traceback__ = None
    fresh.__cause__ = None
    fresh.__context__ = None
    return fresh
