"""What clients see: every key with its value."""

from typing import Any

import redis
from cluster import Node


def contents(node: Node) -> dict[str, Any]:
    """All of it, by key."""
    client = redis.Redis(port=node.region.resp_port, socket_timeout=20, decode_responses=True)
    return {key: value_of(client, key) for key in client.scan_iter(count=500)}


def value_of(client: redis.Redis, key: str) -> Any:
    match client.type(key):
        case "hash":
            return client.hgetall(key)
        case "set":
            return sorted(client.smembers(key))
        case "zset":
            # By score, which is in an index of its own, and by member.
            return client.zrange(key, 0, -1, withscores=True), client.zrangebyscore(key, 0.25, 0.75)
        case "string":
            return client.get(key), client.ttl(key) > 0
        case other:
            return other
