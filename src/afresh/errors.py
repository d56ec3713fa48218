"""Every error that afresh raises. One root; what your own loader raises is never wrapped.

::

    AfreshError
    ├── ConfigurationError   (ValueError)    a setting is wrong; raised when the cache is built
    ├── UnkeyableArgument    (TypeError)     an argument can't stand in a key
    ├── UncacheableValue     (TypeError)     a codec can't carry this value exactly
    ├── LoadTimeout          (TimeoutError)  a load ran past its hard deadline
    ├── CacheClosed          (RuntimeError)  the cache was used after close()
    └── BackendError         (OSError)       a store or a ledger failed
        └── NotInvalidated                   an invalidation could not be delivered; never silent

Trouble with a store while *reading* is not raised: it is an event, and the loader answers.
"""

from __future__ import annotations

__all__ = [
    "AfreshError",
    "BackendError",
    "CacheClosed",
    "ConfigurationError",
    "LoadTimeout",
    "NotInvalidated",
    "UncacheableValue",
    "UnkeyableArgument",
]


class AfreshError(Exception):
    """The root: `except AfreshError` catches what this library raises, and nothing of yours."""


class ConfigurationError(AfreshError, ValueError):
    """A setting is wrong. The message says which one and what to write instead."""


class UnkeyableArgument(AfreshError, TypeError):
    """An argument of a cached function has no stable, canonical form that could stand in a key."""


class UncacheableValue(AfreshError, TypeError):
    """A codec was given a value that it could not give back exactly as it was."""


class LoadTimeout(AfreshError, TimeoutError):
    """A load took longer than the policy's `hard_deadline`."""


class CacheClosed(AfreshError, RuntimeError):
    """The cache was used after `close()`."""


class BackendError(AfreshError, OSError):
    """A store or a ledger failed."""


class NotInvalidated(BackendError):
    """An invalidation could not be written to the ledger: readers may still see the old value."""
