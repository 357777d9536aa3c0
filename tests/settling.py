"""Whether regions agree by their own account: vectors, digests, counts of keys."""

import json
import time
import urllib.request
from collections.abc import Iterable
from typing import Any

from world import Region


def settled(regions: Iterable[Region], patience_s: float) -> tuple[bool, str]:
    """Waits for equal vectors everywhere, and equal digests and counts of keys wherever the same tables are; tells how it
    stands."""
    deadline = time.monotonic() + patience_s
    while True:
        states = {region.name: state(region) for region in regions}
        vectors = {str(told["applied"]) for told in states.values()}
        # By the tables that a region does not hold: what its records should be.
        records: dict[str, set[str]] = {}
        for told in states.values():
            records.setdefault(str(told["without"]), set()).add(f"{told['digest']} {told['keys']}")
        equal = len(vectors) == 1 and all(len(found) == 1 for found in records.values())
        if equal or time.monotonic() > deadline:
            same = equal and len(records) == 1
            return equal, str(next(iter(states.values())) if same else states)
        time.sleep(0.1)


def state(region: Region) -> dict[str, Any]:
    """What must be equal wherever `without` is."""
    status = region.status()
    return {name: status[name] for name in ("applied", "digest", "keys")} | {"without": not_held(region)}


def not_held(region: Region) -> list[str]:
    """Tables that are placed elsewhere only."""
    with urllib.request.urlopen(f"http://127.0.0.1:{region.http_port}/v1/tables", timeout=10) as answer:
        tables = json.load(answer)["tables"]
    placements = {table["name"]: table["policy"]["placement"] for table in tables}
    return sorted(name for name, held_in in placements.items() if held_in != "everywhere" and region.name not in held_in)
