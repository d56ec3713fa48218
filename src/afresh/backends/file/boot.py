"""Which life of the machine this is, so that a file from before a crash is not trusted.

A mapped file reaches the disk in no particular order. After a power cut it may hold new words beside
old ones, so whatever was mapped under another boot is replaced, never read.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from hashlib import blake2b
from pathlib import Path

_LINUX = Path("/proc/sys/kernel/random/boot_id")
_MACOS = b"kern.bootsessionuuid"


@functools.cache
def boot_digest() -> int:
    """64 bits of the machine's boot id; 0 where none can be found, so that no restart is noticed."""
    try:
        name = _LINUX.read_bytes()
    except OSError:
        name = _from_sysctl()
    return int.from_bytes(blake2b(name.strip(), digest_size=8).digest(), "little") if name else 0


def _from_sysctl() -> bytes:
    """The boot session of macOS. Written from its manual page; not run on one."""
    libc = ctypes.CDLL(ctypes.util.find_library("c"))
    if not hasattr(libc, "sysctlbyname"):
        return b""
    buffer = ctypes.create_string_buffer(64)
    size = ctypes.c_size_t(len(buffer))
    failed = libc.sysctlbyname(_MACOS, buffer, ctypes.byref(size), None, ctypes.c_size_t(0))
    return b"" if failed else buffer.value
