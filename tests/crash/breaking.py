"""What the harness must notice: a world is spoiled on purpose, in ways that only a look from outside can find."""

import shutil
from collections.abc import Callable
from pathlib import Path

from cluster import Node, Sizes, copy_of, pass_for_the_first
from examination import Examiner
from journal import HEADER_BYTES, Record, records, replace_payload, segments
from load import Load
from rounds import Figures, Play


class Spoiler:
    """Something that is done to a node's data."""

    # What must be found.
    sort = ""
    # Or this.
    also = ""
    purpose = ""

    def __init__(self, play: Play, home: Path) -> None:
        self.play, self.home = play, home

    def before(self) -> None:
        """With all nodes running, and no load yet."""

    def spoil(self, node: Node) -> None:
        """With the node dead."""


class Forget(Spoiler):
    sort = "lost"
    purpose = "a journal as it was before the round is put back while its node is dead"

    def before(self) -> None:
        for node in self.play.cluster.nodes:
            (self.home / node.name).mkdir(parents=True)
            for _, path in segments(node.data):
                shutil.copy(path, self.home / node.name)

    def spoil(self, node: Node) -> None:
        for _, path in segments(node.data):
            path.unlink()
        for path in (self.home / node.name).iterdir():
            shutil.copy(path, node.data)


class Double(Spoiler):
    sort = "doubled"
    purpose = "a whole data directory of before the round, left in order, is put back, and its node writes again"

    def before(self) -> None:
        for node in self.play.cluster.nodes:
            node.stop()
            shutil.copytree(node.data, self.home / node.name)
        for node in self.play.cluster.nodes:
            self.play.cluster.start(node, Sizes())
        self.play.await_ok(self.play.cluster.nodes, count=False)
        self.play.settle()

    def spoil(self, node: Node) -> None:
        shutil.rmtree(node.data)
        shutil.copytree(self.home / node.name, node.data)
        pass_for_the_first(node.data)


class Rot(Spoiler):
    sort = "diverged"
    # Where the record store had the row already, the journals alone tell.
    also = "doubled"
    purpose = "one letter of one value changes in a dead node's journal, with a checksum that fits"

    def spoil(self, node: Node) -> None:
        # Nobody writes any more: what is overwritten or removed afterwards would be equal again.
        self.play.load.rest_for_good()
        lasting = {key.encode() for writer in self.play.load.writers for key in writer.claims.certain()}
        for record in newest_first(node):
            at = record.payload.find(b"#1;")
            key = record.payload[record.payload.rfind(b"n:", 0, max(at, 0)) : max(at, 0)]
            # Of its own writes some may be nowhere else, and would arrive there as they are now.
            if key in lasting and record.replica % REPLICAS_OF_A_NODE != node.number:
                replace_payload(record, record.payload[:at] + b"#1:" + record.payload[at + 3 :])
                return
        raise RuntimeError(f"no value to change in {node.data}")


def newest_first(node: Node) -> list[Record]:
    found = [record for _, path in segments(node.data) for record, _ in records(path, HEADER_BYTES) if record is not None]
    return found[::-1]


def notices(name: str, template: Path, home: Path, binary: str, seed: int) -> tuple[bool, str]:
    """Spoils a world of its own in one round; whether that was found, and in which words."""
    cluster = copy_of(template, home / name, binary)
    load = Load([node.region for node in cluster.nodes], seed)
    play = Play(cluster, load, Examiner(cluster, load), seed, Figures())
    spoiler = SPOILERS[name](play, home / f"{name}-before")
    try:
        play.begin()
        spoiler.before()
        findings = play.round(1, "moment", spoiler.spoil)
    finally:
        load.end()
        cluster.end()
    hits = [finding.text for finding in findings if finding.sort in (spoiler.sort, spoiler.also)]
    seen = "; ".join(f"{finding.sort}: {finding.text}" for finding in findings[:5])
    others = f"none {spoiler.sort}, but {len(findings)} others: {seen}"
    told = f"{len(hits)} {spoiler.sort}{' or ' + spoiler.also if spoiler.also else ''}, such as: {hits[0]}" if hits else others
    return bool(hits), f"noticed that {spoiler.purpose}: {told}"


# A replica is a node's number, and this many times how often its data began anew.
REPLICAS_OF_A_NODE = 64
SPOILERS: dict[str, Callable[[Play, Path], Spoiler]] = {"forget": Forget, "double": Double, "rot": Rot}
