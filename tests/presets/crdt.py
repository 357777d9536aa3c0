"""Preset crdt: counters add up over a cut, sets and hashes keep what each region did."""

from clients import Doors
from scene import Story


class Crdt(Story):
    name = "crdt"

    def declare(self) -> None:
        self.scene.declare("tally", "--preset", self.name)

    def before(self) -> None:
        first = self.scene.regions[0]
        first.ask("SADD", "tally:set", "old", "doomed")
        first.ask("HSET", "tally:hash", "shared", "old")
        self.added = 0
        self.everyone_adds()
        self.hold(*self.scene.same_everywhere("GET", "tally:count", wanted=str(self.added)))
        self.hold(*self.scene.same_everywhere("SMEMBERS", "tally:set", wanted={"old", "doomed"}))

    def everyone_adds(self, *without: Doors) -> None:
        """Each region adds its own amount, over RESP and over HTTP."""
        for place, doors in enumerate(self.scene.others(*without), start=1):
            outcome = doors.attempt("INCRBY", "tally:count", 10**place)
            answer = doors.http("POST", "/v1/tables/tally/records/count/increment", {"by": 1})
            told = f"{doors.name} adds {10**place}: {outcome}; and 1 over HTTP: {answer}"
            self.hold(outcome.ok and answer.status == 200, told)
            self.added += 10**place + 1

    def during_cut(self, alone: Doors, others: list[Doors]) -> None:
        self.everyone_adds()
        alone.ask("SADD", "tally:set", "of-alone", "doomed")
        others[0].ask("SADD", "tally:set", "of-others")
        others[0].ask("SREM", "tally:set", "doomed")
        alone.ask("HINCRBY", "tally:hash", "sum", 3)
        others[1].ask("HINCRBY", "tally:hash", "sum", 4)
        alone.ask("ZINCRBY", "tally:scores", 2, "member")
        others[0].ask("ZINCRBY", "tally:scores", 5, "member")

    def after_heal(self, alone: Doors, others: list[Doors]) -> None:
        same = self.scene.same_everywhere
        self.hold(*same("GET", "tally:count", wanted=str(self.added)))
        # Removed there, added again here without knowing: the addition stays.
        self.hold(*same("SMEMBERS", "tally:set", wanted={"old", "doomed", "of-alone", "of-others"}))
        self.hold(*same("HGETALL", "tally:hash", wanted={"shared": "old", "sum": "7"}))
        self.hold(*same("ZSCORE", "tally:scores", "member", wanted=7.0))

    def during_kill(self, dead: Doors, others: list[Doors]) -> None:
        self.everyone_adds(dead)

    def after_start(self, dead: Doors, others: list[Doors]) -> None:
        self.hold(*self.scene.same_everywhere("GET", "tally:count", wanted=str(self.added)))
