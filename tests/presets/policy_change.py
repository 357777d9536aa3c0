"""Policies change while tables are written to: nothing acknowledged is lost, and nothing is collapsed unasked."""

import time

from clients import Doors, Told
from numbered import Endless
from scene import Scene, Story, example, refusal


class Flow(Endless):
    """Writes a new key each time, and keeps each write's receipt."""

    def __init__(self, doors: Doors, table: str) -> None:
        super().__init__(pause_s=0.01)
        self.doors, self.table = doors, table
        self.client = doors.client()
        self.acknowledged: dict[str, str] = {}
        self.levels: list[tuple[str, int]] = []
        self.errors: list[str] = []
        self.last = 0

    def once(self) -> None:
        self.last += 1
        key = f"{self.table}:{self.doors.name}:{self.last}"
        outcome = self.client.attempt("SET", key, self.last)
        if not outcome.ok:
            self.errors.append(outcome.error)
            return
        self.acknowledged[key] = str(self.last)
        receipt = self.client.receipt()
        self.levels.append((receipt["ack"], receipt["held-by"]))

    def levels_in_order(self) -> list[str]:
        """Each once, as they came."""
        names = [level for level, _ in self.levels]
        return [name for place, name in enumerate(names) if place == 0 or names[place - 1] != name]


class AckChange(Story):
    name = "ack change"

    def declare(self) -> None:
        self.scene.declare("flow", "--ack", "local")

    def afterwards(self) -> None:
        flows = [Flow(doors, "flow") for doors in self.scene.regions]
        for flow in flows:
            flow.start()
        for place, ack in enumerate(ACKS[1:]):
            time.sleep(PHASE_S)
            doors = self.scene.regions[place]
            told = doors.cli("table", "alter", "flow", "--ack", ack, "--expect-version", str(place + 1))
            self.hold(told.code == 0, f"{doors.name} changes ack to {ack}: {version(told)}")
        time.sleep(PHASE_S)
        for flow in flows:
            flow.end()
        for flow in flows:
            self.flowed(flow)
        arrived(self, flows)
        self.is_in_history()

    def flowed(self, flow: Flow) -> None:
        """No error, every level in its turn, and each write held by as many regions as its own level asks for."""
        needs = {"local": 1, "majority": 2, "all": 3}
        short = [level for level in flow.levels if level[1] < needs.get(level[0], 99)]
        claim = f"{flow.doors.name}: {len(flow.acknowledged)} of {flow.last} writes acknowledged, {len(short)} held by too few"
        levels = flow.levels_in_order()
        held = not flow.errors and not short and levels == list(ACKS)
        self.hold(held, f"{claim}; levels in order {' '.join(levels)}{example(flow.errors)}")

    def is_in_history(self) -> None:
        first = self.scene.regions[0]
        history = first.cli("table", "history", "flow").json["history"]
        kept = [(entry["version"], entry["policy"]["ack"]) for entry in history]
        self.hold(kept == list(enumerate(ACKS, start=1)), f"table history: {kept}")
        stale = first.cli("table", "alter", "flow", "--ack", "all", "--expect-version", "1")
        self.hold(refusal(stale, "version 4"), f"a change that expects version 1 is refused: {stale}")


class Collapse(Story):
    name = "collapse"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.keys = [f"drain:{number}" for number in range(KEYS)]

    def declare(self) -> None:
        self.scene.declare("drain", "--preset", "siblings")

    def during_cut(self, alone: Doors, others: list[Doors]) -> None:
        """The later one wins, so the two must not fall into one millisecond, in which the regions' ids would decide."""
        for key in self.keys:
            others[0].ask("SET", key, "there")
            time.sleep(APART_S)
            alone.ask("SET", key, "here")

    def afterwards(self) -> None:
        """Refused with counts, shown with counts, done when it is agreed to; under load."""
        first, second, third = self.scene.regions
        flows = [Flow(doors, "drain") for doors in self.scene.regions]
        for flow in flows:
            flow.start()
        refused = first.cli("table", "alter", "drain", "--merge", "lww")
        self.hold(refusal(refused, f"{KEYS} keys, {KEYS} values", "--collapse"), f"siblings -> lww: {refused}")
        dry = second.cli("table", "alter", "drain", "--merge", "lww", "--dry-run")
        counted = dry.json.get("would_collapse", {}) if dry.code == 0 else {}
        both = len(third.ask("SIBLINGS", self.keys[0])[1])
        held = (counted.get("keys"), counted.get("values"), both) == (KEYS, KEYS, 2)
        self.hold(held, f"the dry run counts {counted} and leaves {both} siblings")
        done = third.cli("table", "alter", "drain", "--merge", "lww", "--collapse")
        self.hold(done.code == 0, f"with --collapse in {third.name}: {version(done)}")
        time.sleep(0.5)
        for flow in flows:
            flow.end()
            told = f"{flow.doors.name}: {len(flow.acknowledged)} writes meanwhile, {len(flow.errors)} refused"
            self.hold(not flow.errors, f"{told}{example(flow.errors)}")
        self.is_collapsed()
        arrived(self, flows)

    def is_collapsed(self) -> None:
        """One value of each key everywhere, the other in every ledger, and the change in the history."""
        one = self.scene.wait_for(
            lambda: all(len(doors.ask("SIBLINGS", key)[1]) == 1 for doors in self.scene.regions for key in self.keys), 10
        )
        self.hold(one, f"the {KEYS} keys have one value in every region")
        for doors in self.scene.regions:
            values = {doors.ask("GET", key) for key in self.keys}
            losses = [loss for loss in self.scene.conflicts(doors, "drain") if loss["rule"] == "collapse"]
            lost = {loss["key"]: loss["loser"]["value"] for loss in losses}
            held = values == {"here"} and lost == dict.fromkeys(self.keys, "there")
            self.hold(held, f"{doors.name} answers {values}, in its ledger are {len(lost)} times {set(lost.values())}")
        history = self.scene.regions[0].cli("table", "history", "drain").json["history"]
        kept = [(entry["version"], entry["policy"]["merge"]) for entry in history]
        self.hold(kept == [(1, "siblings"), (2, "lww")], f"table history: {kept}")


def version(told: Told) -> str:
    """Of the table that was changed, or why it was not."""
    return f"version {told.json['version']}" if told.code == 0 else str(told)


def arrived(story: Story, flows: list[Flow]) -> None:
    """Everything that was acknowledged is in every region."""
    wanted = {key: value for flow in flows for key, value in flow.acknowledged.items()}
    keys = sorted(wanted)
    for doors in story.scene.regions:
        found: dict[str, str] = {}

        def all_there(doors: Doors = doors, found: dict[str, str] = found) -> bool:
            found.update(zip(keys, doors.ask("MGET", *keys), strict=True))
            return found == wanted

        story.scene.wait_for(all_there, 10)
        missing = [key for key in keys if found.get(key) != wanted[key]]
        told = f"{doors.name}: of {len(keys)} acknowledged writes {len(missing)} are missing"
        story.hold(not missing, f"{told}{example(missing)}")


ACKS = ("local", "majority", "all", "local")
PHASE_S = 1.2
APART_S = 0.02
KEYS = 3
