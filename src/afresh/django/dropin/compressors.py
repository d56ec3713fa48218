"""What both libraries compress by, for reading what they stored. What is too short they left as it was."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, Final

from afresh.errors import ConfigurationError

Turn = Callable[[bytes], bytes]


def _zstd() -> Any:
    for name in ("compression.zstd", "backports.zstd", "pyzstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    raise ConfigurationError('values compressed by zstd: pip install "afresh[zstd]".')


def _lz4() -> Any:
    try:
        return import_module("lz4.frame")
    except ImportError as error:
        raise ConfigurationError("values compressed by lz4: pip install lz4.") from error


COMPRESSORS: Final[dict[str, tuple[Turn, Turn, int]]] = {
    "django_redis.compressors.gzip.GzipCompressor": (gzip.compress, gzip.decompress, 15),
    "django_redis.compressors.identity.IdentityCompressor": (bytes, bytes, 0),
    "django_redis.compressors.lz4.Lz4Compressor": (
        lambda data: _lz4().compress(data),
        lambda data: _lz4().decompress(data),
        15,
    ),
    "django_redis.compressors.lzma.LzmaCompressor": (
        partial(lzma.compress, preset=4),
        lzma.decompress,
        100,
    ),
    "django_redis.compressors.zlib.ZlibCompressor": (partial(zlib.compress, level=6), zlib.decompress, 15),
    "django_redis.compressors.zstd.ZStdCompressor": (
        lambda data: _zstd().compress(data),
        lambda data: _zstd().decompress(data),
        15,
    ),
    "redis_cache.compressors.BZip2Compressor": (bz2.compress, bz2.decompress, -1),
    "redis_cache.compressors.NoopCompressor": (bytes, bytes, -1),
    "redis_cache.compressors.ZLibCompressor": (partial(zlib.compress, level=6), zlib.decompress, -1),
}
"""How each compresses, and back; what is no longer than so many bytes it left as it was."""
