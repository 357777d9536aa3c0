"""read = bounded(500ms): served here while that is known to hold, refused when it is not, never silently older."""

import time

from clients import Doors
from numbered import Reader, Writer
from scene import Scene, Story, example


class Bounded(Story):
    name = "bounded"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.watchers: list[Writer | Reader] = []

    def declare(self) -> None:
        self.scene.declare("fresh", "--preset", "crdt", "--read", f"bounded({BOUND_MS}ms)")

    def before(self) -> None:
        self.scene.regions[0].ask("SET", "fresh:there", "1")
        time.sleep(0.5)
        for doors in self.scene.regions:
            self.is_served_here(doors)

    def is_served_here(self, doors: Doors) -> None:
        """Many reads, at least: how old a region is goes up and down between heartbeats."""
        here, oldest = 0, 0
        with doors.client() as client:
            for _ in range(READS):
                outcome, receipt = client.attempt("GET", "fresh:there"), client.receipt()
                if outcome.ok and receipt["regions"] == [doors.name]:
                    here += 1
                    oldest = max(oldest, receipt["staleness-ms"])
                time.sleep(0.005)
        told = f"{doors.name} answered {here} of {READS} reads by itself, at most {oldest} ms old by their receipts"
        self.hold(here > READS / 4 and oldest <= BOUND_MS, told)

    def before_cut(self, alone: Doors, others: list[Doors]) -> None:
        self.writer = Writer(others[0], "fresh:count")
        self.readers = [Reader(doors, "fresh:count") for doors in self.scene.regions]
        for each in (self.writer, *self.readers):
            each.start()
        time.sleep(1)

    def during_cut(self, alone: Doors, others: list[Doors]) -> None:
        # All regions that it cannot hear are older than the bound by now, by its own account.
        time.sleep(BOUND_MS / 1000)
        outcome = alone.attempt("GET", "fresh:there")
        named = all(doors.name in outcome.error for doors in others) and "ms" in outcome.error
        self.hold(outcome.refused_as("STALE") and named, f"cut off, {alone.name} reads: {outcome}")
        answer = alone.record("GET", "fresh", "there")
        self.hold((answer.status, answer.body["code"]) == (503, "stale"), f"the same over HTTP: {answer}")
        wrote = alone.attempt("SET", "fresh:alone", "1")
        self.hold(wrote.ok, f"cut off, {alone.name} still writes: {wrote}")

    def after_heal(self, alone: Doors, others: list[Doors]) -> None:
        for each in (self.writer, *self.readers):
            each.end()
        for reader in self.readers:
            wrong = reader.too_old(self.writer, BOUND_MS / 1000)
            stale = len(reader.refused("STALE"))
            told = f"{len(reader.answered())} reads through the cut, {len(wrong)} silently older than {BOUND_MS} ms"
            held = not wrong and reader.answered() and (reader.doors != alone or stale > 0)
            self.hold(held, f"{reader.doors.name}: {told}, {stale} said STALE{example(wrong)}")

    def during_lonely_start(self, dead: Doors, others: list[Doors]) -> None:
        """Nobody told it anything since it began: how old it is, is unknown, which is never 0."""
        outcome = dead.attempt("GET", "fresh:there")
        held = outcome.refused_as("STALE") and outcome.error.count("unknown") == len(others)
        self.hold(held, f"started again while it is cut off, {dead.name} reads: {outcome}")
        with dead.client() as client:
            read, receipt = client.attempt("WITH", "READ", "eventual", "GET", "fresh:there"), client.receipt()
        held = read.reply == "1" and receipt["staleness-ms"] is None
        self.hold(held, f"and with read eventual: {read}, staleness {receipt['staleness-ms']} by its receipt")


BOUND_MS = 500
READS = 100
