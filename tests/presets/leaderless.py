"""Preset leaderless: W regions hold a write, R answer a read, W + R > N, so a read meets every acknowledged write."""

import time

from clients import Doors
from numbered import Reader, Writer
from scene import Story, example


class Leaderless(Story):
    name = "leaderless"

    def declare(self) -> None:
        self.scene.declare("orders", "--preset", self.name)

    def before(self) -> None:
        told = self.scene.regions[0].table("orders")["explanation"]
        n, w, r = told["regions"], told["write_acks"], told["read_answers"]
        tolerated = (told["failures_write"], told["failures_read"])
        held = told["overlap"] and w + r > n == 3 and tolerated == (n - w, n - r)
        self.hold(held, f"table show: N={n} W={w} R={r}, W + R > N: {told['overlap']}, regions that may be lost {tolerated}")
        self.watch(max(self.scene.regions, key=self.head_start_ms), "orders:before")
        time.sleep(3)
        self.judge(None, "while all is well")

    def head_start_ms(self, doors: Doors) -> float:
        """How long after an acknowledgement the farthest region still lacks the write. A read there must find it elsewhere."""
        farthest = max(self.scene.rtt_ms(doors, other) for other in self.scene.others(doors))
        return farthest / 2 - self.scene.nearest_rtt_ms(doors, 1)

    def watch(self, writer: Doors, key: str) -> None:
        """One region writes numbers, all read them."""
        self.writer = Writer(writer, key)
        self.readers = [Reader(doors, key) for doors in self.scene.regions]
        for each in (self.writer, *self.readers):
            each.start()

    def judge(self, alone: Doors | None, when: str) -> None:
        for each in (self.writer, *self.readers):
            each.end()
        claim = f"{len(self.writer.numbers)} of {self.writer.last} writes of {self.writer.doors.name} acknowledged {when}"
        self.hold(len(self.writer.numbers) == self.writer.last > 0, f"{claim}{example(self.writer.refusals)}")
        for reader in self.readers:
            self.is_regular(reader, reader.doors is alone)

    def before_cut(self, alone: Doors, others: list[Doors]) -> None:
        self.watch(others[0], "orders:count")
        time.sleep(2)

    def during_cut(self, alone: Doors, others: list[Doors]) -> None:
        wrote, read = alone.attempt("SET", "orders:alone", "kept"), alone.attempt("GET", "orders:count")
        held = wrote.refused_as("NOACK") and "1 of the 2 regions" in wrote.error
        self.hold(held and wrote.took_ms < ACK_TIMEOUT_MS + SLACK_MS, f"cut off, {alone.name} writes: {wrote}")
        held = read.refused_as("NOQUORUM") and all(doors.name in read.error for doors in others)
        self.hold(held and read.took_ms < WAIT_MS + SLACK_MS, f"cut off, {alone.name} reads: {read}")
        wrote, read = alone.record("PUT", "orders", "http", {"value": "kept"}), alone.record("GET", "orders", "http")
        codes = (wrote.status, wrote.body["code"], read.status, read.body["code"])
        self.hold(codes == (504, "no_ack", 503, "no_quorum"), f"the same over HTTP: {codes}")
        self.go_on(others)

    def go_on(self, others: list[Doors]) -> None:
        for doors in others:
            wrote, read = doors.attempt("SET", f"orders:{doors.name}", "1"), doors.attempt("GET", f"orders:{doors.name}")
            self.hold(wrote.ok and read.reply == "1", f"{doors.name}, with one other region, writes: {wrote}, reads: {read}")

    def after_heal(self, alone: Doors, others: list[Doors]) -> None:
        self.judge(alone, "through the cut")
        for key in ("orders:alone", "orders:http"):
            self.hold(*self.scene.same_everywhere("GET", key, wanted="kept"))

    def is_regular(self, reader: Reader, was_alone: bool) -> None:
        """Each answer has every write that was acknowledged before the read began."""
        wrong = reader.too_old(self.writer, 0)
        refused = len(reader.looks) - len(reader.answered())
        as_told = refused == len(reader.refused("NOQUORUM")) and (refused > 0) == was_alone
        told = f"{reader.doors.name}: {len(reader.answered())} reads, {len(wrong)} missed an acknowledged write"
        self.hold(not wrong and as_told and reader.answered(), f"{told}, {refused} found no quorum{example(wrong)}")

    def during_kill(self, dead: Doors, others: list[Doors]) -> None:
        self.go_on(others)

    def after_start(self, dead: Doors, others: list[Doors]) -> None:
        self.go_on([dead])


# As the preset has them.
ACK_TIMEOUT_MS = 2000
WAIT_MS = 1000
# What a busy machine may add before an answer counts as late.
SLACK_MS = 900
