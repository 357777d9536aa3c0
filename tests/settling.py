"""Whether regions agree by their own account: vectors, digests, counts of keys."""

import time
from collections.abc import Iterable

from world import Region


def settled(regions: Iterable[Region], patience_s: float) -> tuple[bool, str]:
    """Waits for equal vectors, digests and counts of keys; tells how it stands."""
    deadline = time.monotonic() + patience_s
    while True:
        states = {region.name: state(region) for region in regions}
        equal = len({str(told) for told in states.values()}) == 1
        if equal or time.monotonic() > deadline:
            return equal, str(states if not equal else next(iter(states.values())))
        time.sleep(0.1)


def state(region: Region) -> dict[str, object]:
    """What must be equal everywhere."""
    status = region.status()
    return {name: status[name] for name in ("applied", "digest", "keys")}
