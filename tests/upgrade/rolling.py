"""Three regions under load whose nodes are stopped and started with another program, one after the other."""

import random
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cluster import Node, Sizes
from dials import HOLDERS, RESTRICTED, Dials
from examination import Examiner, Finding
from rounds import Play


@dataclass
class Step:
    """One node's change of program, for the table at the end."""

    region: str
    to: str
    # From its end until it was running again, and until it had taken a write.
    down_ms: float = 0.0
    # Until all regions were equal, from the end of the load.
    settled_ms: float = 0.0
    findings: list[Finding] = field(default_factory=list)


class Witness(Examiner):
    """Where a table may not be, its writes are notes without contents, which are no other writes."""

    def journalled(self) -> Iterator[Finding]:
        for name, reader in self.journals.items():
            for record in reader.new_records():
                known = self.entries.get(record.dot)
                if NOTE in record.payload:
                    continue
                self.entries[record.dot] = record.fingerprint
                if known not in (None, record.fingerprint):
                    yield Finding("doubled", f"the write {record.dot} is another one in the journal of {name}")


class Rolling(Play):
    """A crash test's cluster, load and examiner; programs change instead of being killed."""

    dials: Dials

    def change(self, number: int, nodes: list[Node], to: "Program", kill: bool = False) -> Step:
        """Writes everywhere while these nodes get another program; then everything is looked at."""
        step = Step(", ".join(node.name for node in nodes), to.name)
        self.choice, self.kind, self.findings = random.Random(f"{self.seed} {number}"), "rolling", []
        self.told_about.clear()
        self.begin_load(number)
        try:
            self.pause(0.5, 1.0)
            step.down_ms = self.swap(nodes, to, kill)
            self.pause(1.0, 1.5)
            self.end_load()
            before = len(self.figures.settlings_ms)
            self.examine()
            step.settled_ms = max(self.figures.settlings_ms[before:], default=0.0)
            self.findings += self.dials.examined(self.cluster.nodes)
            self.findings += self.unreadable()
        except Exception as error:
            self.find("unhealthy", f"broke off: {''.join(traceback.format_exception(error)[-3:])}")
        step.findings = self.findings
        self.figures.findings += self.findings
        return step

    def begin_load(self, number: int) -> None:
        self.load.begin_round(number)
        for writer in self.load.writers:
            # Until they are told to rest: writes go on for as long as a change takes.
            writer.steps_left = STEPS_MAX
        self.examiner.probes.end_round()
        self.load.go_on()
        self.dials.go_on()

    def end_load(self) -> None:
        self.dials.rest()
        self.load.rest_for_good()

    def swap(self, nodes: list[Node], to: "Program", kill: bool) -> float:
        """In order, or with SIGKILL, under load. How long the last of them took no writes, ms."""
        began = time.monotonic()
        for node in nodes:
            node.kill() if kill else node.stop()
        self.pause(0.3, 0.8)
        for node in nodes:
            node.binary = to.binary
            self.cluster.start(node, Sizes(1, 64, 1))
        self.await_ok(nodes)
        return (time.monotonic() - began) * 1000

    def equal(self, states: dict[str, Any]) -> bool:
        """One table is in some regions only, so only theirs are alike; every node compares the rest by itself."""
        if None in states.values() or len({str(state["applied"]) for state in states.values()}) != 1:
            return False
        return len({f"{states[name]['digest']} {states[name]['keys']}" for name in HOLDERS}) == 1

    def unreadable(self) -> list[Finding]:
        """What a node was sent and could not read, by its log."""
        told = []
        for node in self.cluster.nodes:
            lines = [line for line in node.log.read_text(errors="replace").splitlines() if UNREADABLE in line]
            told += [Finding("unhealthy", f"{node.name} was sent what it cannot read: {line}") for line in lines[:3]]
        return told


@dataclass(frozen=True)
class Program:
    """A build of lightcone: what it is called here, and where it is."""

    name: str
    binary: str


# An op with tag 9 and the name of the table, docs/formats/entry.md.
NOTE = bytes([9, len(RESTRICTED)]) + RESTRICTED.encode()
UNREADABLE = "unreadable frame from a peer"
# More than a writer can make while one node changes.
STEPS_MAX = 5000
