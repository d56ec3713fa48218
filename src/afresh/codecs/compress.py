"""zstd above a threshold, with a bound on what a few bytes can become."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import cache
from logging import getLogger
from typing import Any

from afresh.errors import ConfigurationError

try:
    from compression import zstd  # type: ignore[import-not-found,unused-ignore]
except ImportError:  # before Python 3.14
    try:
        from backports import zstd
    except ImportError:
        zstd = None

_LENGTH = struct.Struct("<I")


class Compression:
    """How payloads are compressed.

    Compression contexts are used again, which is most of the cost for small values; a
    decompression context serves one frame only.

    Args:
        threshold: Payloads of fewer bytes are left alone.
        level: 1 (quick) to 19 (small).
        maximum: More bytes than this are never unpacked.
        dictionary: What `train` returned for values like those to come. It makes small values
            smaller, so the threshold may be low, about 100. Every reader needs the same one.

    Raises:
        ConfigurationError: There is no zstd, or a setting makes no sense.
    """

    def __init__(
        self,
        *,
        threshold: int = 4096,
        level: int = 3,
        maximum: int = 64 * 1024 * 1024,
        dictionary: bytes | None = None,
    ) -> None:
        if zstd is None:
            raise ConfigurationError("Compression() needs zstd: pip install 'afresh[zstd]', or Python 3.14.")
        if threshold < 0 or not 0 < maximum < 2**32:
            raise ConfigurationError(f"Compression(threshold={threshold}, maximum={maximum}): out of range.")
        self.threshold = threshold
        self.maximum = maximum
        self._level = level
        try:
            self._dictionary = None if dictionary is None else zstd.ZstdDict(dictionary)
            self._idle: list[Any] = [self._compressor()]
        except (ValueError, zstd.ZstdError) as error:
            raise ConfigurationError(f"Compression(): {error}") from error

    def compress(self, data: bytes) -> bytes | None:
        """The length and a zstd frame; `None` when that is no gain."""
        if not self.threshold <= len(data) <= self.maximum:
            return None
        try:
            context = self._idle.pop()  # atomic, so no two threads have one
        except IndexError:
            context = self._compressor()
        frame = context.compress(data, context.FLUSH_FRAME)
        self._idle.append(context)
        return _LENGTH.pack(len(data)) + frame if len(frame) + _LENGTH.size < len(data) else None

    def decompress(self, data: bytes | memoryview) -> bytes:
        """What `compress` was given.

        Raises:
            ValueError: It isn't one, or it would be longer than it says or than `maximum`.
            ZstdError: The frame is damaged, or it needs another dictionary.
        """
        (length,) = _LENGTH.unpack_from(data)
        if length > self.maximum:
            raise ValueError(f"it would be {length} bytes, more than {self.maximum}")
        assert zstd is not None
        context = zstd.ZstdDecompressor(zstd_dict=self._dictionary)
        whole: bytes = context.decompress(data[_LENGTH.size :], max_length=length + 1)
        if len(whole) != length or not context.eof or context.unused_data:
            raise ValueError("its length is not what it says")
        return whole

    def _compressor(self) -> Any:
        assert zstd is not None
        return zstd.ZstdCompressor(level=self._level, zstd_dict=self._dictionary)


@cache
def where_available() -> Compression | None:
    """Compression with the usual settings; `None` where there is no zstd, which is logged once."""
    if zstd is not None:
        return Compression()
    getLogger("afresh").info("values are stored uncompressed: pip install 'afresh[zstd]', or use Python 3.14")
    return None


def train(samples: Iterable[bytes], size: int = 16 * 1024) -> bytes:
    """Train a dictionary of at most `size` bytes on encoded values (some hundreds, better more).

    Raises:
        ConfigurationError: There is no zstd, or the samples are too few or too small.
    """
    if zstd is None:
        raise ConfigurationError("train() needs zstd: pip install 'afresh[zstd]', or Python 3.14.")
    try:
        content: bytes = zstd.train_dict(list(samples), size).dict_content
    except (ValueError, zstd.ZstdError) as error:
        raise ConfigurationError(f"no dictionary could be trained: {error}") from error
    return content
