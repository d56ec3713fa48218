"""Sockets to servers: TCP, TLS and unix; their timeouts, and whether the other end hung up."""

from __future__ import annotations

import functools
import select
import socket
import ssl
import struct
import time

from afresh.backends.endpoint import Endpoint, Tls
from afresh.backends.redis.address import Address
from afresh.errors import ConfigurationError

_TIMEVAL = struct.Struct("ll")


def dial(address: Address, endpoint: Endpoint, timeout: float) -> tuple[socket.socket, bool]:
    """A connected socket, and whether the kernel watches its timeouts.

    Raises:
        OSError: It can't be reached, or is not who it should be.
    """
    deadline = time.monotonic() + timeout
    plain = _connected(endpoint, timeout)
    try:
        if address.tls is not None:
            plain.settimeout(max(deadline - time.monotonic(), 0.001))
            return _encrypted(plain, address.tls, endpoint), False
        if _native():
            plain.settimeout(None)
            return plain, True
    except BaseException:
        plain.close()
        raise
    return plain, False


def set_timeout(it: socket.socket, timeout: float, *, kernel: bool) -> None:
    """How long the next calls may block."""
    if not kernel:
        it.settimeout(timeout)
        return
    whole = int(timeout)
    # All zeroes would mean: for ever.
    value = _TIMEVAL.pack(whole, max(int((timeout - whole) * 1e6), 0 if whole else 1))
    it.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
    it.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)


def broken(it: socket.socket) -> bool:
    """Whether the other end is known to have hung up. Doesn't block and reads nothing."""
    try:
        # By the base class: an encrypted socket refuses flags, and its end shows below the encryption.
        return not socket.socket.recv(it, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except (BlockingIOError, InterruptedError):
        return False
    except OSError:
        return True


def readable(it: socket.socket, timeout: float) -> bool:
    """Wait until something can be read, an end included; not longer than `timeout` seconds.

    Raises:
        OSError: It is closed.
    """
    if isinstance(it, ssl.SSLSocket) and it.pending():
        return True
    poll = select.poll()
    poll.register(it, select.POLLIN)
    return bool(poll.poll(timeout * 1000))


def _connected(endpoint: Endpoint, timeout: float) -> socket.socket:
    if not endpoint.path:
        plain = socket.create_connection((endpoint.host, endpoint.port), timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return plain
    plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        plain.settimeout(timeout)
        plain.connect(endpoint.path)
    except BaseException:
        plain.close()
        raise
    return plain


def _encrypted(plain: socket.socket, tls: Tls, endpoint: Endpoint) -> ssl.SSLSocket:
    try:
        return context(tls).wrap_socket(plain, server_hostname=endpoint.host or None)
    except ssl.SSLError:
        # The certificates may have been renewed on disk since they were read.
        context.cache_clear()
        raise
    except ConfigurationError as error:
        raise OSError(str(error)) from error


@functools.lru_cache(maxsize=16)
def context(tls: Tls) -> ssl.SSLContext:
    """What Python's ssl module wants; kept, as reading the system's certificates takes longer than connecting.

    Raises:
        ConfigurationError: A file can't be used.
    """
    return tls.context()


def _native() -> bool:
    """Whether sockets are the operating system's own, and not gevent's."""
    return socket.socket.__module__ == "socket"
