"""How long a node with many records takes from exec to its first OK after SIGKILL, with the settings that nobody chose."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from cluster import Cluster, Node, Sizes, copy_of
from wire import Wire, Words


@dataclass(frozen=True)
class Start:
    """From exec to the first OK for a write: by the clock, and what the process computed meanwhile on all cores."""

    took_ms: float
    processor_ms: float

    def __str__(self) -> str:
        return f"{self.took_ms:.0f} ({self.processor_ms:.0f})"


def measured(template: Path, home: Path, binary: str, records: int) -> tuple[list[str], list[Start]]:
    """Writes them through one region, kills it at once, several times; what was lost, and each start."""
    cluster = copy_of(template, home / "recovery", binary)
    node = cluster.nodes[0]
    lost: list[str] = []
    starts: list[Start] = []
    try:
        for each in cluster.nodes:
            cluster.start(each, DEFAULTS)
        wait_until_ok(node)
        fill(node, records)
        print(f"{records:,} records are written", flush=True)
        for life in range(LIVES):
            node.kill()
            cluster.start(node, DEFAULTS)
            starts.append(wait_until_ok(node))
            print(f"start {life + 1} of {LIVES}: {starts[-1]} ms", flush=True)
            lost += missing(node, records)
            # What the next life has to read is not what this one has just written.
            fill(node, records // 10, f"more{life}")
        wait_for_others(cluster, node)
    finally:
        cluster.end()
    return lost, starts


def fill(node: Node, records: int, name: str = "many") -> None:
    """Every write is acknowledged before this returns."""
    wire = Wire(node.region.resp_port)
    for first in range(0, records, BATCH):
        numbers = range(first, min(first + BATCH, records))
        sets: list[Words] = [("SET", f"{name}:{number}", value(number)) for number in numbers]
        refused = [answer for answer in wire.ask_all(sets) if not answer.held]
        if refused:
            raise RuntimeError(f"{node.name} does not take it: {refused[0]}")
    wire.close()


def missing(node: Node, records: int) -> list[str]:
    """Which of them the node does not have as they were written."""
    wire = Wire(node.region.resp_port)
    lost: list[str] = []
    for first in range(0, records, BATCH):
        numbers = range(first, min(first + BATCH, records))
        values = wire.ask("MGET", *(f"many:{number}" for number in numbers)).reply
        lost += [f"many:{number}" for number, there in zip(numbers, values, strict=True) if there != value(number)]
    wire.close()
    return lost


def value(number: int) -> str:
    return f"{number:08}" * 20


def wait_until_ok(node: Node) -> Start:
    wire = Wire(node.region.resp_port)
    while not wire.ask("SET", "probe", "1").held:
        if ended := node.ended_by_itself():
            raise RuntimeError(ended)
        time.sleep(0.002)
    start = Start((time.monotonic() - node.started_at) * 1000, processor_ms(node.process.pid))
    wire.close()
    return start


def processor_ms(pid: int) -> float:
    """Of all its threads since exec: what a machine that does other things, too, cannot lengthen much."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return sum(map(int, ticks)) * 1000 / os.sysconf("SC_CLK_TCK")


def wait_for_others(cluster: Cluster, node: Node) -> None:
    """Until they have all of it, so that what is measured is not a region that forgot."""
    deadline = time.monotonic() + 120
    while any(other.region.status()["digest"] != node.region.status()["digest"] for other in cluster.others(node)):
        if time.monotonic() > deadline:
            raise RuntimeError("regions do not become equal")
        time.sleep(0.2)


LIVES = 5
BATCH = 500
DEFAULTS = Sizes(dirty_mib=256, segment_mib=64, cache_mib=512)
