"""The trouble in the middle: a region is cut off and heals, another is killed and starts again, while all are written to."""

import sys
import time
from collections.abc import Callable

from checks import Checks
from world import Region, World
from writer import Progress, connect, marks_key


class Director:
    """Watches the writers, shows how far they are, and breaks the world at the right moments."""

    def __init__(self, world: World, progress: dict[str, Progress], totals: dict[str, int], checks: Checks) -> None:
        self.world = world
        self.progress = progress
        self.totals = totals
        self.checks = checks
        self.regions = {region.name: region for region in world.regions}
        self.start = time.monotonic()
        self.shown = 0.0

    def run(self, busiest: str, writing: Callable[[], bool]) -> None:
        """Plays all acts; `writing` tells whether a writer still runs. The busiest region is the one to be killed:
        most likely in the middle of a batch."""
        cut_off = next(region.name for region in reversed(self.world.regions) if region.name != busiest)
        self.wait_until(0.2, writing, "all is well")
        self.cut(cut_off, busiest, writing)
        self.wait_until(0.6, writing, "healed")
        self.kill(busiest, writing)
        self.wait_until(1.0, writing, "all is well again")

    def cut(self, cut_off: str, other: str, writing: Callable[[], bool]) -> None:
        """Both sides keep taking writes, and neither sees the other's."""
        self.world.fault("cut", cut_off)
        before = self.done()
        self.wait_until(0.45, writing, f"{cut_off} is cut off", seconds_min=2)
        gone_on = {name: done - before[name] for name, done in self.done().items()}
        here, there = (self.marks(region, cut_off) for region in (cut_off, other))
        self.world.fault("heal")
        self.checks.hold(all(gone_on.values()), f"during the cut every region took batches: {gone_on}")
        self.checks.hold(there < here, f"during the cut {other} knew {there} of the {here} batches of {cut_off}")

    def kill(self, victim: str, writing: Callable[[], bool]) -> None:
        """SIGKILL in the middle of writes; what was acknowledged is there after the start."""
        before = self.done()
        self.world.fault("kill", victim)
        acknowledged = self.progress[victim].batches.value
        self.wait_until(0.75, writing, f"{victim} is dead", seconds_max=3, seconds_min=2)
        gone_on = {name: done - before[name] for name, done in self.done().items() if name != victim}
        self.world.fault("start", victim)
        kept = self.marks(victim, victim)
        self.checks.hold(all(gone_on.values()), f"while {victim} was dead the others took batches: {gone_on}")
        self.checks.hold(kept >= acknowledged, f"{victim} came back with {kept} batches, {acknowledged} were acknowledged")

    def wait_until(
        self, part: float, writing: Callable[[], bool], act: str, seconds_min: float = 0, seconds_max: float = 1e9
    ) -> None:
        """Until this part of all batches is written, within bounds of time. All done is also an end."""
        begin = time.monotonic()
        while writing():
            passed = time.monotonic() - begin
            if passed >= seconds_max or (self.part_done() >= part and passed >= seconds_min and part < 1.0):
                break
            self.show(act)
            time.sleep(0.02)

    def done(self) -> dict[str, int]:
        """Batches per writer."""
        return {name: progress.batches.value for name, progress in self.progress.items()}

    def part_done(self) -> float:
        return sum(self.done().values()) / sum(self.totals.values())

    def marks(self, asked: str, about: str) -> int:
        """How many batches of a region another region knows of."""
        return marks(self.regions[asked], about)

    def show(self, act: str) -> None:
        """A line that is rewritten on a terminal, and repeated now and then elsewhere."""
        terminal = sys.stdout.isatty()
        now = time.monotonic()
        if now - self.shown < (0.2 if terminal else 10):
            return
        self.shown = now
        done, total = sum(self.done().values()), sum(self.totals.values())
        rate = done / (now - self.start)
        left = f"{(total - done) / rate:.0f} s left" if rate else "just begun"
        line = f"{done:,} of {total:,} batches, {rate:.0f}/s, {left}; {act}"
        print(f"\r\x1b[K{line}" if terminal else line, end="" if terminal else "\n", flush=True)


def marks(region: Region, about: str) -> int:
    """Asks over a connection of its own: the region may have been dead a moment ago."""
    with connect(region) as client:
        return client.scard(marks_key(about))
