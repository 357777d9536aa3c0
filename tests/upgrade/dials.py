"""Writers into tables with dials of every sort, and what they were promised."""

import threading
import time
from collections.abc import Iterator

from cluster import Node
from examination import Finding
from wire import Answer, Fate, Wire

# Held by two regions before OK, and asked of two: what was acknowledged anywhere is read everywhere at once.
QUORUM = "quorum"
# Of concurrent values the largest.
HIGHEST = "highest"
# Only in these regions.
RESTRICTED, HOLDERS = "restricted", ("eu-west", "us-east")
BOUNDED = "bounded"
TABLES = [
    [QUORUM, "--ack", "regions(2)", "--read", "quorum(2)"],
    [HIGHEST, "--merge", "max"],
    [RESTRICTED, "--placement", ",".join(HOLDERS)],
    [BOUNDED, "--read", "bounded(5s)"],
]


class DialWriter(threading.Thread):
    """Writes in one region, reads in another, and remembers what it was told."""

    def __init__(self, here: Node, there: Node) -> None:
        super().__init__(daemon=True)
        self.here, self.there = here, there
        self.wire, self.other = Wire(here.region.resp_port), Wire(there.region.resp_port)
        self.may, self.turn, self.ending = threading.Event(), threading.Lock(), False
        self.number = 0
        self.kept: dict[str, str] = {}
        self.highest = 0
        self.findings: list[Finding] = []
        self.fresh_reads = 0

    def run(self) -> None:
        while not self.ending:
            self.may.wait(0.2)
            with self.turn:
                if self.may.is_set() and not self.ending:
                    self.step()
            time.sleep(0.01)

    def step(self) -> None:
        self.number += 1
        self.quorum()
        number = time.time_ns()
        if self.wire.ask("SET", f"{HIGHEST}:all", number).held:
            self.highest = max(self.highest, number)
        self.put(f"{BOUNDED}:{self.here.name}:{self.number % 20}")
        if self.here.name in HOLDERS:
            self.put(f"{RESTRICTED}:{self.here.name}:{self.number}")

    def quorum(self) -> None:
        """An acknowledged write is read in another region with no wait, whichever program runs there."""
        key = f"{QUORUM}:{self.here.name}:{self.number}"
        if self.put(key).reply != "OK":
            return
        read = self.other.ask("GET", key)
        if read.held and read.reply != self.kept[key]:
            told = f"{key} was acknowledged by two regions, and {self.there.name} read {read.reply} by a quorum"
            self.findings.append(Finding("lost", told))
        self.fresh_reads += read.held

    def put(self, key: str) -> Answer:
        """Whatever is not certain is written again under the same key later, or forgotten."""
        value = f"{key}#{self.number}"
        answer = self.wire.ask("SET", key, value)
        if answer.held:
            self.kept[key] = value
        elif answer.fate is Fate.UNKNOWN:
            self.kept.pop(key, None)
        return answer


class Dials:
    """One writer in each region."""

    def __init__(self, nodes: list[Node]) -> None:
        self.writers = [DialWriter(node, nodes[(at + 1) % len(nodes)]) for at, node in enumerate(nodes)]
        for writer in self.writers:
            writer.start()

    def go_on(self) -> None:
        for writer in self.writers:
            writer.may.set()

    def rest(self) -> None:
        for writer in self.writers:
            writer.may.clear()
        for writer in self.writers:
            with writer.turn:
                pass

    def end(self) -> None:
        for writer in self.writers:
            writer.ending = True
            writer.may.set()
        for writer in self.writers:
            writer.join(timeout=30)

    def kept(self) -> int:
        return sum(len(writer.kept) for writer in self.writers)

    def fresh_reads(self) -> int:
        return sum(writer.fresh_reads for writer in self.writers)

    def examined(self, nodes: list[Node]) -> list[Finding]:
        """All that was acknowledged, in every region that may have it."""
        findings = [finding for writer in self.writers for finding in writer.findings]
        for writer in self.writers:
            writer.findings = []
        for node in nodes:
            wire = Wire(node.region.resp_port)
            for writer in self.writers:
                findings += lacking(node, wire, writer)
            highest, told = max(writer.highest for writer in self.writers), wire.ask("GET", f"{HIGHEST}:all").reply
            if int(told or 0) < highest:
                findings.append(Finding("lost", f"{HIGHEST}:all is {told} in {node.name}, {highest} was acknowledged"))
            wire.close()
        return findings


def lacking(node: Node, wire: Wire, writer: DialWriter) -> Iterator[Finding]:
    for key, value in writer.kept.items():
        answer = wire.ask("GET", key)
        elsewhere = key.startswith(f"{RESTRICTED}:") and node.name not in HOLDERS
        if elsewhere and not str(answer.reply).startswith("ELSEWHERE"):
            yield Finding("invented", f"{node.name} may not have {key}, and answers {answer.reply}")
        elif not elsewhere and answer.reply != value:
            yield Finding("lost", f"{key} is {answer.reply} in {node.name} instead of {value}")
