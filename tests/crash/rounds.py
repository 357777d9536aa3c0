"""One round: writes everywhere, SIGKILL for somebody at a random moment, a new start, and a look at what is left."""

import random
import statistics
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cluster import Cluster, Node, Sizes
from examination import Examiner, Finding
from load import SHORT_MS, Load
from wire import Wire

# What is done in each ten rounds, in an order that the seed decides.
DECK = ["moment", "moment", "recovery", "just started", "flush", "twice", "two", "all", "idle", "stopping"]
KINDS = {
    "moment": "one node, at any moment under load",
    "recovery": "again before it answers, once or more",
    "just started": "again within 0.3 s of its first OK",
    "flush": "while records are written under a flood of large values",
    "twice": "one node, and again after up to a second of load",
    "two": "two nodes at once",
    "all": "all three at once",
    "idle": "one node, without load",
    "stopping": "one node that was asked to stop, before it has",
}


@dataclass
class Figures:
    """What all rounds came to."""

    rounds: int = 0
    rounds_by_kind: Counter[str] = field(default_factory=Counter)
    kills_by_kind: Counter[str] = field(default_factory=Counter)
    # From exec to the first OK for a write, ms.
    recoveries_ms: list[float] = field(default_factory=list)
    # From the end of the load until all regions were equal.
    settlings_ms: list[float] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    starts_alone: int = 0
    seconds: float = 0

    def count(self, sort: str) -> int:
        return sum(finding.sort == sort for finding in self.findings)


class Play:
    """A cluster under load, and everything that happens to it."""

    def __init__(self, cluster: Cluster, load: Load, examiner: Examiner, seed: int, figures: Figures) -> None:
        self.cluster, self.load, self.examiner, self.figures = cluster, load, examiner, figures
        self.seed = seed
        self.choice = random.Random(seed)
        self.findings: list[Finding] = []
        self.kind = ""
        # What peers confirmed to have durably, as others heard it; by node.
        self.confirmed: dict[str, dict[str, int]] = {}
        self.told_about: set[str] = set()
        self.probes = 0

    def begin(self) -> None:
        """The first start of all."""
        for node in self.cluster.nodes:
            self.cluster.start(node, Sizes())
        self.await_ok(self.cluster.nodes, count=False)
        self.settle()
        if self.findings:
            raise RuntimeError(f"the world does not begin: {self.findings}")

    def round(self, number: int, kind: str, spoil: Callable[[Node], None] | None = None) -> list[Finding]:
        """Plays one; `spoil` does something to a dead node's data. Its choices depend on the seed and its number only."""
        self.choice, self.kind, self.findings = random.Random(f"{self.seed} {number}"), kind, []
        self.told_about.clear()
        self.load.begin_round(number)
        self.examiner.probes.end_round()
        silences = self.load.silences()
        victims = self.choice.sample(self.cluster.nodes, {"two": 2, "all": 3}.get(kind, 1))
        if kind != "idle":
            self.load.go_on()
        if kind == "flush":
            self.load.flood(victims[0].name, FLOOD_BYTES)
        try:
            self.pause(0.1, 1.0)
            self.strike(kind, victims, spoil)
            self.pause(0, 0.4)
            self.load.rest()
            self.examine()
        except Exception as error:
            # What we cannot read is a finding too, and what is left of the world is kept.
            self.find("unhealthy", f"the round broke off: {''.join(traceback.format_exception(error)[-3:])}")
        if self.load.silences() > silences:
            self.find("unhealthy", "a node gave no answer for longer than any write may take")
        self.figures.rounds += 1
        self.figures.rounds_by_kind[kind] += 1
        self.figures.findings += self.findings
        return self.findings

    def strike(self, kind: str, victims: list[Node], spoil: Callable[[Node], None] | None) -> None:
        if kind == "flush":
            self.wait_for_flush(victims[0])
        if kind == "stopping":
            victims[0].ask_to_stop()
            self.pause(0, 0.08)
        self.kill(victims)
        if spoil:
            spoil(victims[0])
        self.down(victims)
        if kind == "recovery":
            self.killed_in_recovery(victims[0])
        self.revive(victims, alone=True if spoil else None)
        if kind in ("just started", "twice"):
            self.pause(0, 0.3 if kind == "just started" else 1.0)
            self.kill(victims)
            self.pause(0, 0.3)
            self.revive(victims)

    def kill(self, nodes: list[Node]) -> None:
        """At once, as nearly as one thread can."""
        for node in nodes:
            if ended := node.ended_by_itself() if self.kind != "stopping" else "":
                self.find("unhealthy", ended)
        for node in nodes:
            # One that was asked to stop may have been quicker.
            self.figures.kills_by_kind[self.kind] += node.process.poll() is None
            node.process.kill()
        for node in nodes:
            node.gone()

    def down(self, dead: list[Node]) -> None:
        """While they are dead: what others know of them, and what they left with others."""
        alive = self.cluster.others(*dead)
        for node in dead:
            self.confirmed[node.name] = heard_of(node, alive)
        if len(dead) == 1:
            self.load.rest(dead[0].name)
            self.findings += self.examiner.by_majority(dead[0], alive)
            if self.kind != "idle":
                self.load.go_on(dead[0].name)
        self.pause(0, 0.4)

    def killed_in_recovery(self, node: Node) -> None:
        usual_s = statistics.median(self.figures.recoveries_ms or [300]) / 1000
        for _ in range(self.choice.randint(1, 3)):
            self.cluster.start(node, Sizes.drawn(self.choice))
            time.sleep(self.choice.random() * usual_s)
            self.kill([node])

    def revive(self, nodes: list[Node], alone: bool | None = None) -> None:
        """Starts them; half of the times in silence, to see what they have by themselves, else under load from the first
        moment on."""
        drawn = self.choice.random() < 0.5
        alone = drawn if alone is None else alone
        if alone:
            for node in nodes:
                self.load.rest(node.name)
        for node in nodes:
            self.cluster.start(node, Sizes.drawn(self.choice), alone)
        up = self.await_ok(nodes)
        if alone:
            for node in up:
                self.look_alone(node)
            for node in up:
                node.hear_others()
                if self.kind != "idle":
                    self.load.go_on(node.name)

    def look_alone(self, node: Node) -> None:
        self.figures.starts_alone += 1
        self.findings += self.examiner.own_writes(node)
        applied = node.region.status()["applied"]
        for replica, confirmed in self.confirmed.get(node.name, {}).items():
            if applied.get(replica, 0) < confirmed:
                self.find("lost", f"{node.name} had confirmed {replica}:{confirmed}, and has {applied} after its start")

    def await_ok(self, nodes: list[Node], count: bool = True) -> list[Node]:
        """Until each acknowledged a write; those that do not in time are findings."""
        waiting, wires = list(nodes), {node.name: Wire(node.region.resp_port) for node in nodes}
        deadline = time.monotonic() + START_S_MAX
        while waiting and time.monotonic() < deadline:
            for node in list(waiting):
                if node.ended_by_itself():
                    self.find("unhealthy", node.ended_by_itself())
                    waiting.remove(node)
                elif self.probe(node, wires[node.name]):
                    took_ms = (time.monotonic() - node.started_at) * 1000
                    if count:
                        self.figures.recoveries_ms.append(took_ms)
                    waiting.remove(node)
            time.sleep(0.002)
        for node in waiting:
            refused = wires[node.name].ask("SET", "refused", "1").reply
            self.find("unhealthy", f"{node.name} takes no writes {START_S_MAX} s after its start: {refused}")
        for wire in wires.values():
            wire.close()
        return [node for node in nodes if node not in waiting and not node.ended_by_itself()]

    def probe(self, node: Node, wire: Wire) -> bool:
        if not wire.connected():
            return False
        self.probes += 1
        key, claims = f"probe:{node.name}:{self.probes}", self.examiner.probes
        version = claims.next_version(key, 0)
        answer = wire.ask("SET", key, version.text(key))
        claims.wrote(key, version, answer.fate)
        return answer.held

    def wait_for_flush(self, node: Node) -> None:
        """Until it begins to write records, or wrote some; then a moment more."""
        status = self.status(node)
        before, deadline = status["counters"]["flushes"] if status else 0, time.monotonic() + 2
        while status and status["counters"]["flushes"] == before and time.monotonic() < deadline:
            if status["dirty_bytes"] > FLUSH_NEAR_BYTES:
                break
            time.sleep(0.005)
            status = self.status(node)
        self.pause(0, 0.06)

    def examine(self) -> None:
        if not self.settle(count=True):
            # Their journals can be read, whatever they say about themselves.
            self.findings += self.examiner.journalled()
            return
        self.findings += self.examiner.everywhere()
        # Reading, and what ended meanwhile, changes nothing.
        self.settle()

    def settle(self, count: bool = False) -> bool:
        """All regions hear each other and have the same; everything that may end by itself has."""
        start = time.monotonic()
        deadline, ends = start + SETTLE_S_MAX, start + SHORT_MS[1] / 1000 + 0.05
        states: dict[str, Any] = {}
        while time.monotonic() < deadline:
            states = {node.name: self.status(node) for node in self.cluster.nodes}
            if self.equal(states) and all(quiet(state) for state in states.values()):
                if count:
                    self.figures.settlings_ms.append((time.monotonic() - start) * 1000)
                time.sleep(max(0.0, ends - time.monotonic()) if self.any_mortal() else 0)
                self.healthy(states)
                return self.still_equal()
            if any(node.ended_by_itself() for node in self.cluster.nodes) or hopeless(states):
                break
            time.sleep(0.02)
        self.healthy(states)
        self.unsettled(states)
        return False

    def equal(self, states: dict[str, Any]) -> bool:
        """Whether all regions have the same."""
        return equal(states)

    def any_mortal(self) -> bool:
        return any(writer.claims.mortal for writer in self.load.writers)

    def still_equal(self) -> bool:
        """After what ended by itself has ended, too."""
        deadline = time.monotonic() + SETTLE_S_MAX
        while True:
            states = {node.name: self.status(node) for node in self.cluster.nodes}
            if self.equal(states):
                return True
            if time.monotonic() > deadline:
                self.unsettled(states)
                return False
            time.sleep(0.02)

    def unsettled(self, states: dict[str, Any]) -> None:
        vectors = {str(state and state["applied"]) for state in states.values()}
        told = {name: state and {each: state[each] for each in EQUAL} for name, state in states.items()}
        if len(vectors) == 1 and None not in states.values() and not self.equal(states):
            self.find("diverged", f"equal vectors, and yet: {told}")
        else:
            self.find("unhealthy", f"regions do not settle in {SETTLE_S_MAX} s, or have stopped: {told}")

    def healthy(self, states: dict[str, Any]) -> None:
        for node in self.cluster.nodes:
            if ended := node.ended_by_itself():
                self.find("unhealthy", ended)
            for complaint in node.complaints():
                self.find("unhealthy", f"{node.name} logged: {complaint}")
        for name, state in states.items():
            if state is None:
                self.find("unhealthy", f"{name} does not answer /status")
            elif not state["takes_writes"] or state["trouble"] or state["counters"]["alarms"]:
                alarms = state["counters"]["alarms"]
                self.find("unhealthy", f"{name}: {alarms} alarms, takes writes: {state['takes_writes']}, {state['trouble']}")

    def status(self, node: Node) -> dict[str, Any] | None:
        try:
            return node.region.status()
        except (OSError, ValueError):
            return None

    def find(self, sort: str, text: str) -> None:
        """Once in a round: what is asked again and again stays the same."""
        if text not in self.told_about:
            self.told_about.add(text)
            self.findings.append(Finding(sort, text))

    def pause(self, least_s: float, most_s: float) -> None:
        time.sleep(self.choice.uniform(least_s, most_s))


def heard_of(node: Node, others: list[Node]) -> dict[str, int]:
    """What it confirmed to have, by all that others heard."""
    confirmed: dict[str, int] = {}
    for other in others:
        try:
            peers = other.region.status()["peers"]
        except OSError:
            continue
        for replica, sequence in next(peer["have"] for peer in peers if peer["node_id"] == node.number).items():
            confirmed[replica] = max(confirmed.get(replica, 0), sequence)
    return confirmed


def equal(states: dict[str, Any]) -> bool:
    if None in states.values():
        return False
    return len({str([state[name] for name in EQUAL]) for state in states.values()}) == 1


def hopeless(states: dict[str, Any]) -> bool:
    """A node stopped for good, or one said that it differs, and all have heard everything: waiting changes nothing."""
    told = [state for state in states.values() if state]
    same = len(told) == len(states) and len({str(state["applied"]) for state in told}) == 1
    return any(not state["takes_writes"] and state["trouble"] or same and state["counters"]["alarms"] for state in told)


def quiet(state: dict[str, Any]) -> bool:
    """Nothing is under way: all is durable here, and every peer is known to have it."""
    heard = all(peer["up"] and not peer["unconfirmed_entries"] for peer in state["peers"])
    return heard and state["durable"] == state["applied"]


# Of a status, what must be the same in all regions.
EQUAL = ("applied", "digest", "keys")
FLOOD_BYTES = 16 << 10
# Of 1 MiB, the least that a node can be told.
FLUSH_NEAR_BYTES = 900 << 10
START_S_MAX = 20
SETTLE_S_MAX = 20
