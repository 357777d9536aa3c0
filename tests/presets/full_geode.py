"""Preset full-geode: every region reads and writes alone, the later of concurrent writes stays, the other is kept."""

import time

from clients import Doors
from numbered import Writer
from scene import Story


class FullGeode(Story):
    name = "full-geode"

    def declare(self) -> None:
        self.scene.declare("geode", "--preset", self.name)

    def before(self) -> None:
        for doors in self.scene.regions:
            self.is_local(doors)

    def is_local(self, doors: Doors) -> None:
        """A write and a read ask nobody else, by the receipts."""
        with doors.client() as client:
            wrote, write = client.attempt("SET", f"geode:{doors.name}", "here"), client.receipt()
            read, saw = client.attempt("GET", f"geode:{doors.name}"), client.receipt()
        alone = write["held-by"] == 1 and saw["regions"] == [doors.name] and write["waited-ms"] + saw["waited-ms"] == 0
        held = wrote.ok and read.reply == "here" and alone
        self.hold(held, f"{doors.name} writes ({wrote}) and reads ({read}) without asking another region")

    def during_cut(self, alone: Doors, others: list[Doors]) -> None:
        for doors in self.scene.regions:
            self.is_local(doors)
        others[0].ask("SET", "geode:later-alone", "earlier")
        alone.ask("SET", "geode:later-there", "earlier")
        time.sleep(GAP_S)
        others[0].ask("SET", "geode:later-there", "later")
        alone.ask("SET", "geode:later-alone", "later")

    def after_heal(self, alone: Doors, others: list[Doors]) -> None:
        for key in ("geode:later-alone", "geode:later-there"):
            self.hold(*self.scene.same_everywhere("GET", key, wanted="later"))
        for doors in self.scene.regions:
            self.is_in_ledger(doors, "geode:later-alone", loser=others[0], winner=alone)
            self.is_in_ledger(doors, "geode:later-there", loser=alone, winner=others[0])
        self.restored("geode:later-alone", others[-1])

    def is_in_ledger(self, doors: Doors, key: str, loser: Doors, winner: Doors) -> None:
        """The write that lost, with everything that one needs to judge it."""
        losses = [loss for loss in self.scene.conflicts(doors, "geode") if loss["key"] == key]
        if len(losses) != 1:
            self.hold(False, f"{doors.name} lists {len(losses)} conflicts of {key} instead of 1")
            return
        loss = losses[0]
        lost, won = loss["loser"], loss["winner"]
        values = (lost["value"], lost["region"], won["value"], won["region"]) == ("earlier", loser.name, "later", winner.name)
        dots = lost["dot"] != won["dot"] and lost["dot"] and won["dot"]
        gap = won["at_ms"] - lost["at_ms"] == loss["clock_gap_ms"] and loss["clock_gap_ms"] >= GAP_S * 1000 - CLOCK_STEP_MS
        told = f"{lost['value']} ({lost['dot']}) lost against {won['value']} ({won['dot']}) by {loss['rule']}"
        held = values and dots and gap and loss["rule"] == "lww"
        self.hold(held, f"conflicts in {doors.name}: {told}, {loss['clock_gap_ms']} ms")

    def restored(self, key: str, at: Doors) -> None:
        loss = next(loss for loss in self.scene.conflicts(at, "geode") if loss["key"] == key)
        told = at.cli("conflicts", "restore", loss["id"])
        held, answered = self.scene.same_everywhere("GET", key, wanted="earlier")
        self.hold(told.code == 0 and held, f"conflicts restore {loss['id']} in {at.name}: {answered}")

    def before_kill(self, dead: Doors, others: list[Doors]) -> None:
        self.writer = Writer(dead, "geode:killed", pause_s=0.002)
        self.writer.start()
        time.sleep(0.5)

    def during_kill(self, dead: Doors, others: list[Doors]) -> None:
        self.writer.end()
        for doors in others:
            self.is_local(doors)

    def during_lonely_start(self, dead: Doors, others: list[Doors]) -> None:
        self.is_local(dead)

    def after_start(self, dead: Doors, others: list[Doors]) -> None:
        acknowledged = self.writer.numbers[-1] if self.writer.numbers else 0
        for doors in self.scene.regions:
            found = int(doors.ask("GET", "geode:killed") or 0)
            enough = found >= acknowledged > 0
            self.hold(enough, f"{doors.name} has write {found} of {dead.name}, {acknowledged} was acknowledged")


# Between the two writes, so that there is no doubt which one is later.
GAP_S = 0.05
# A write's time is that of the node's last look at its clock.
CLOCK_STEP_MS = 25
