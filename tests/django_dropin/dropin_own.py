"""A serializer and a compressor of a project's own, as both libraries take them."""

from __future__ import annotations

import zlib


class Upper:
    def __init__(self, options=None):
        self.options = options

    def dumps(self, value):
        return value.upper().encode()

    def loads(self, data):
        return data.decode().lower()


class Zipped:
    def __init__(self, options):
        self.options = options

    def compress(self, data):
        return zlib.compress(data)

    def decompress(self, data):
        return zlib.decompress(data)
