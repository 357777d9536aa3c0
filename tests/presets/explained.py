"""What `table show` says about a table against what clients measure: latencies, and what it does when regions are lost."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from clients import Doors, Outcome
from figures import Figure
from scene import Story

# Tables of other stories, and one that every region must hold; with what figures call them.
TABLES = {
    "geode": "full-geode",
    "tally": "crdt",
    "wishes": "siblings",
    "orders": "leaderless",
    "sure": "ack=all",
    "fresh": "bounded",
}


class Explained(Story):
    name = "table show"

    def declare(self) -> None:
        self.scene.declare("sure", "--ack", "all")

    def before(self) -> None:
        for table, preset in TABLES.items():
            with ThreadPoolExecutor(len(self.scene.regions)) as pool:
                samples = list(pool.map(lambda doors, table=table: measured(doors, table), self.scene.regions))
            for doors, (writes, reads) in zip(self.scene.regions, samples, strict=True):
                self.agrees(doors, table, "write", self.scene.figures.add(f"{preset} write in {doors.name}", writes))
                figure = self.scene.figures.add(f"{preset} read in {doors.name}", reads, self.read_goal(doors, preset))
                self.agrees(doors, table, "read", figure)

    def read_goal(self, doors: Doors, preset: str) -> str:
        if preset != "leaderless":
            return ""
        return f"p50 <= {self.scene.nearest_rtt_ms(doors, 1) + 2:.1f}"

    def agrees(self, doors: Doors, table: str, kind: str, figure: Figure) -> None:
        """Not below what light needs, and about what the measured round trips say."""
        floors = doors.table(table)["explanation"]["floors"]
        floor = next(row for row in floors if row["region"] == doors.name)
        least, told = floor[f"{kind}_floor_ms"], floor[f"{kind}_measured_ms"]
        held = told is not None and least <= figure.p50 and abs(figure.p50 - told) <= SLACK_MS + told * SLACK_PART
        claim = f"{table}: {kind} in {doors.name} {figure.p50:.1f} ms at the median, by light {least}, by round trips {told}"
        self.hold(held, claim)

    def during_cut(self, alone: Doors, others: list[Doors]) -> None:
        """Two regions are lost to the one, one to the two. Whether they go on is what `table show` says."""
        for table in TABLES:
            told = others[0].table(table)["explanation"]
            for doors, lost in ((alone, 2), (others[0], 1)):
                self.as_told(doors, table, lost, told)
        told = alone.table("geode")["explanation"]
        held = (told["rpo_writes"] or 0) > 0 and str(told["rpo_writes"]) in told["rpo"]
        self.hold(held, f"RPO of geode in {alone.name}, cut off: {told['rpo']}")
        told = alone.table("sure")["explanation"]
        self.hold(told["rpo_writes"] == 0, f"RPO of sure in {alone.name}: {told['rpo']}")

    def as_told(self, doors: Doors, table: str, lost: int, told: dict[str, Any]) -> None:
        key = f"{table}:told-{doors.name}"
        command = ("INCRBY", key, 1) if table == "tally" else ("SET", key, "1")
        wrote, read = doors.attempt(*command), doors.attempt("GET", key)
        should = (told["failures_write"] >= lost, told["failures_read"] >= lost)
        words = {True: "goes on", False: "stops"}
        claim = f"{table} with {lost} regions lost: writing {words[should[0]]} and reading {words[should[1]]} in {doors.name}"
        available = told["pacelc"].startswith("PA") or lost < 2 or not (wrote.ok and read.ok)
        held = (wrote.ok, read.ok) == should and available
        self.hold(held, f"{claim}, {told['pacelc']}" + ("" if held else f": write {wrote}, read {read}"))

    def afterwards(self) -> None:
        """Nobody writes any more, so no write is in one region only."""
        for doors in self.scene.regions:
            held = self.scene.wait_for(lambda doors=doors: doors.table("geode")["explanation"]["rpo_writes"] == 0, 10)
            told = doors.table("geode")["explanation"]
            self.hold(held, f"RPO of geode in {doors.name}: {told['rpo']}; {told['wan_bytes_per_write']} WAN bytes per write")


def measured(doors: Doors, table: str) -> tuple[list[float], list[float]]:
    """Times of writes and of reads, one after the other, ms. Each as a session of its own, so that none waits for another."""
    writes, reads = [], []
    with doors.client() as client:
        for number in range(SAMPLES):
            key = f"{table}:measured-{doors.name}"
            command = ("INCRBY", key, 1) if table == "tally" else ("SET", key, number)
            writes.append(took(client.attempt(*command)))
            client.ask("SESSION", "RESET")
            reads.append(took(client.attempt("GET", key)))
    return writes, reads


def took(outcome: Outcome) -> float:
    if outcome.error:
        raise RuntimeError(f"measuring: {outcome}")
    return outcome.took_ms


SAMPLES = 25
# What a busy machine may add to a median, or to the round trips that a node measures; less than between two distances.
SLACK_MS = 25.0
SLACK_PART = 0.2
