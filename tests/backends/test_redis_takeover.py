"""A client that the user has made: what is taken over from it, and what is refused."""

from __future__ import annotations

import asyncio

import pytest
import redis
import redis.asyncio
import valkey
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.sentinel import Sentinel

from afresh import ConfigurationError
from afresh.backends.endpoint import Endpoint, Tls
from afresh.backends.redis.address import Address
from afresh.backends.redis.takeover import take_over

HERE = (Endpoint("localhost", 6379),)


@pytest.mark.parametrize("package", [redis, redis.asyncio, valkey])
def test_the_settings_of_a_client(package):
    kind = getattr(package, "Redis", None) or package.Valkey
    assert take_over(kind()) == Address("server", HERE)
    client = kind(host="there", port=1, db=3, username="me", password="hidden", client_name="shop")
    assert take_over(client) == Address(
        "server", (Endpoint("there", 1),), db=3, username="me", password="hidden", client_name="shop"
    )
    assert take_over(kind(unix_socket_path="/run/a.sock")) == Address(
        "server", (Endpoint(path="/run/a.sock"),)
    )


@pytest.mark.parametrize("package", [redis, redis.asyncio])
def test_a_client_made_from_a_url(package):
    client = package.Redis.from_url("rediss://me:hidden@there:1/2?ssl_ca_certs=/ca&ssl_cert_reqs=none")
    assert take_over(client) == Address(
        "server",
        (Endpoint("there", 1),),
        db=2,
        username="me",
        password="hidden",
        tls=Tls("/ca", check_hostname=take_over(client).tls.check_hostname, verify=False),
    )


def test_the_settings_of_tls():
    client = redis.Redis(
        ssl=True,
        ssl_certfile="/c",
        ssl_keyfile="/k",
        ssl_password="hidden",
        ssl_ca_data="PEM",
        ssl_ca_path="/p",
    )
    assert take_over(client).tls == Tls(None, "/c", "/k", True, True, "/p", "PEM", "hidden")
    assert "hidden" not in repr(take_over(client))


def test_a_credential_provider_is_asked_by_us_too():
    provider = redis.UsernamePasswordCredentialProvider("me", "hidden")
    assert take_over(redis.Redis(credential_provider=provider)).credentials is provider


@pytest.mark.parametrize("sentinel", [Sentinel, AsyncSentinel])
def test_the_primary_of_sentinels(sentinel):
    manager = sentinel([("a", 1), ("b", 2)], sentinel_kwargs={"password": "theirs"}, password="ours", db=2)
    assert take_over(manager.master_for("main")) == Address(
        "sentinel",
        (Endpoint("a", 1), Endpoint("b", 2)),
        service="main",
        db=2,
        password="ours",
        sentinel_password="theirs",
    )
    with pytest.raises(ConfigurationError, match="master_for"):
        take_over(manager.slave_for("main"))


def test_an_asynchronous_cluster():
    async def main():
        cluster = redis.asyncio.RedisCluster(
            host="a", port=1, password="hidden", ssl=True, ssl_ca_certs="/ca"
        )
        return take_over(cluster)

    address = asyncio.run(main())
    assert (address.kind, address.endpoints, address.password) == ("cluster", (Endpoint("a", 1),), "hidden")
    assert address.tls is not None
    assert address.tls.ca == "/ca"


class OwnConnection(redis.Connection):
    pass


@pytest.mark.parametrize(
    ("client", "advice"),
    [
        (object(), "no client of redis-py"),
        (42, "no client of redis-py"),
        (redis.Redis().pipeline(), "the client that it comes from"),
        (redis.Redis(connection_pool=redis.ConnectionPool(connection_class=OwnConnection)), "OwnConnection"),
        (redis.Redis(redis_connect_func=print), "redis_connect_func"),
        (redis.Redis(ssl=True, ssl_ciphers="ALL"), "ssl_ciphers"),
    ],
)
def test_what_can_not_be_taken_over_is_refused(client, advice):
    with pytest.raises(ConfigurationError, match=advice):
        take_over(client)
