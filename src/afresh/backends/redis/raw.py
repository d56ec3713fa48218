"""A client of redis-py for whoever wants one: to the servers of an address of ours, with its deadlines."""

from __future__ import annotations

from typing import Any

from afresh.backends.redis.address import Address


def raw_client(address: Address) -> Any:
    """A client of redis-py. It has connections of its own, and no breaker.

    Args:
        address: Where to.
    """
    import redis
    from redis import cluster, sentinel

    settings = _settings(address)
    ends = address.endpoints
    if address.kind == "cluster":
        nodes = [cluster.ClusterNode(each.host, each.port) for each in ends]  # type: ignore[no-untyped-call]
        return redis.RedisCluster(startup_nodes=nodes, **settings)
    if address.kind == "sentinel":
        login = {"username": address.sentinel_username or None, "password": address.sentinel_password or None}
        hosts = [(each.host, each.port) for each in ends]
        known: Any = sentinel.Sentinel(hosts, sentinel_kwargs=login, db=address.db, **settings)  # type: ignore[no-untyped-call]
        return known.master_for(address.service)
    if ends[0].path:
        return redis.Redis(unix_socket_path=ends[0].path, db=address.db, **settings)
    return redis.Redis(host=ends[0].host, port=ends[0].port, db=address.db, **settings)


def _settings(address: Address) -> dict[str, Any]:
    found: dict[str, Any] = {
        "socket_timeout": address.write_timeout,
        "socket_connect_timeout": address.connect_timeout,
        "client_name": address.client_name,
    }
    if address.credentials is not None:
        found["credential_provider"] = address.credentials
    else:
        found |= {"username": address.username or None, "password": address.password or None}
    tls = address.tls
    if tls is not None:
        found |= {
            "ssl": True,
            "ssl_ca_certs": tls.ca,
            "ssl_ca_path": tls.ca_path,
            "ssl_ca_data": tls.ca_data,
            "ssl_certfile": tls.certificate,
            "ssl_keyfile": tls.key,
            "ssl_password": tls.password,
            "ssl_check_hostname": tls.check_hostname,
            "ssl_cert_reqs": "required" if tls.verify else "none",
        }
    return found
