"""What a server is given, looked at before it starts: workers would fail at it one after another."""

from __future__ import annotations

import ssl
from importlib.util import find_spec
from pathlib import Path

from afresh.errors import ConfigurationError


def files(certificate: str | None, key: str | None) -> None:
    """Whether a certificate and its key can be used.

    Raises:
        ConfigurationError: They can't.
    """
    if certificate is None:
        if key is not None:
            raise ConfigurationError(f"--key {key}: give its certificate too, --certificate FILE.")
        return
    for file in filter(None, (certificate, key)):
        if not Path(file).is_file():
            raise ConfigurationError(f"{file!r} is no file.")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"{certificate!r} and {key!r} are no certificate with its key: {error}"
        ) from None


def socket(path: str) -> None:
    """Whether a unix socket can be there.

    Raises:
        ConfigurationError: Its folder isn't, or it is something else.
    """
    place = Path(path)
    if not place.parent.is_dir():
        raise ConfigurationError(f"--uds {path}: there is no folder {str(place.parent)!r}.")
    if place.exists() and not place.is_socket():
        raise ConfigurationError(f"--uds {path}: that is something else than a socket.")


def module(name: str) -> None:
    """Whether there is the module of `module:attribute`.

    Raises:
        ConfigurationError: There is none.
    """
    wanted = name.partition(":")[0]
    try:
        found = find_spec(wanted)
    except (ModuleNotFoundError, ValueError):
        found = None
    if found is None:
        raise ConfigurationError(f"there is no module {wanted!r}.")
