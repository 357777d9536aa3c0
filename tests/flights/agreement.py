"""Whether regions agree key by key, as a client sees them."""

from collections.abc import Iterable, Iterator

import redis
from plain import Value
from world import Region
from writer import connect


def everything(region: Region) -> dict[str, Value]:
    """All keys of a region with their values."""
    with connect(region) as client:
        keys = sorted(set(client.scan_iter(count=1000)))
        return {key: value for some in chunks(keys) for key, value in values(client, some)}


def values(client: redis.Redis, keys: list[str]) -> Iterator[tuple[str, Value]]:
    """Values of some keys, in two round trips."""
    kinds = client.pipeline(transaction=False)
    for key in keys:
        kinds.type(key)
    reads = client.pipeline(transaction=False)
    for key, kind in zip(keys, kinds.execute(), strict=True):
        READERS[kind](reads, key)
    for key, value in zip(keys, reads.execute(), strict=True):
        # Sorted sets come as pairs.
        yield key, dict(value) if isinstance(value, list) else value


READERS = {
    "string": lambda reads, key: reads.get(key),
    "set": lambda reads, key: reads.smembers(key),
    "hash": lambda reads, key: reads.hgetall(key),
    "zset": lambda reads, key: reads.zrange(key, 0, -1, withscores=True),
}


def chunks(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), 500):
        yield keys[start : start + 500]


def differences(found: dict[str, Value], wanted: dict[str, Value]) -> list[str]:
    """Keys with another value, missing keys, and keys that should not be there."""
    wrong = [key for key in sorted(found.keys() | wanted.keys()) if found.get(key) != wanted.get(key)]
    return [f"{key}: {shortened(found.get(key))} instead of {shortened(wanted.get(key))}" for key in wrong]


def shortened(value: Value | None) -> str:
    text = repr(sorted(value) if isinstance(value, set) else value)
    return text if len(text) < 200 else f"{text[:200]}… ({len(text)} letters)"
