"""What a round left, held against what writers were told."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from claims import ABSENT, Claims, Version
from cluster import Cluster, Node
from journal import Dot, Reader
from load import Load, Sum, Writer
from wire import Fate, Wire, Words


@dataclass(frozen=True)
class Finding:
    """A promise that was broken: which sort, and what was seen."""

    sort: str
    text: str


@dataclass(frozen=True)
class Held:
    """What a region holds under a key: which version, the write it comes from, and until when, Unix ms (0: for ever)."""

    version: Version | None
    dot: str = ""
    ends_ms: float = 0


class Examiner:
    """Looks at nodes, and remembers across rounds which write every dot belongs to."""

    def __init__(self, cluster: Cluster, load: Load) -> None:
        self.cluster, self.load = cluster, load
        # As RECORD shows it: the key and version, or the transaction, that a dot stands for.
        self.owners: dict[str, str] = {}
        # As journals have it: the entry's fingerprint.
        self.entries: dict[Dot, int] = {}
        self.journals = {node.name: Reader(node.data) for node in cluster.nodes}
        self.counters: dict[str, int] = {}
        # The harness' own writes: whether a node answers.
        self.probes = Claims()
        # By key and version, of this round.
        self.transactions: dict[tuple[str, Version | None], str] = {}
        self.read = 0

    def kept(self) -> int:
        return sum(len(writer.claims.kept) for writer in self.load.writers) + len(self.probes.kept)

    def counts(self) -> dict[str, int]:
        """How much was looked at."""
        missed = sum(reader.missed_bytes for reader in self.journals.values())
        return {"records_read": self.read, "entries_compared": len(self.entries), "journal_bytes_missed": missed}

    # What one node says before it heard anybody.

    def own_writes(self, node: Node) -> list[Finding]:
        """All that it acknowledged must be in its own journal: nobody can have told it again."""
        findings: list[Finding] = []
        wire = Wire(node.region.resp_port)
        for writer in self.load.of(node.name):
            claims = writer.claims
            keys = [key for key in claims.possible if key not in claims.mortal]
            held = self.held(wire, claims, keys)
            findings += self.unclaimed(node, claims, held, "before it heard anybody")
            findings += self.own_members(node, wire, writer)
        findings += self.own_sums(node, wire)
        wire.close()
        return findings

    def own_members(self, node: Node, wire: Wire, writer: Writer) -> Iterator[Finding]:
        for sets, read in ((writer.members, "SMEMBERS"), (writer.siblings, "SIBLINGS")):
            for key, fates in sets.items():
                there = members(wire.ask(read, key).reply)
                yield from missing(node.name, key, fates, there, "before it heard anybody")

    def own_sums(self, node: Node, wire: Wire) -> Iterator[Finding]:
        """Others' increments may be missing yet, so this is a lower bound."""
        for key, (held, _) in sums(self.load.of(node.name)).items():
            value, least = int(wire.ask("GET", key).reply or 0), self.counters.get(key, 0) + held
            if value < least:
                told = f"{key} is {value} in {node.name} before it heard anybody, {least} was acknowledged there"
                yield Finding("lost", told)

    def by_majority(self, dead: Node, others: list[Node]) -> list[Finding]:
        """What a majority acknowledged is in a region that is left, while the one that was asked is dead."""
        lacking: dict[str, list[str]] = {}
        for writer in self.load.of(dead.name):
            claims = writer.claims
            keys = sorted(claims.by_majority)
            for node in others:
                wire = Wire(node.region.resp_port)
                for key, held in self.held(wire, claims, keys).items():
                    if held.version not in claims.possible[key]:
                        lacking.setdefault(key, []).append(node.name)
                wire.close()
        return [
            Finding("lost", f"{key} was acknowledged by a majority; {dead.name} is dead and no other region has it")
            for key, regions in lacking.items()
            if len(regions) == len(others)
        ]

    # What all say once they agree.

    def everywhere(self) -> list[Finding]:
        """The whole round, in all regions. Only with nothing under way."""
        self.name_transactions()
        findings: list[Finding] = []
        wires = {node.name: Wire(node.region.resp_port) for node in self.cluster.nodes}
        for claims in [*(writer.claims for writer in self.load.writers), self.probes]:
            findings += self.strings(wires, claims)
        for writer in self.load.writers:
            findings += self.wholeness(writer)
        findings += self.all_members(wires)
        findings += self.all_counters(wires)
        findings += self.sample(wires)
        findings += self.journalled()
        for wire in wires.values():
            wire.close()
        return findings

    def strings(self, wires: dict[str, Wire], claims: Claims) -> Iterator[Finding]:
        keys = list(claims.possible)
        by_region = {node.name: self.held(wires[node.name], claims, keys) for node in self.cluster.nodes}
        for node in self.cluster.nodes:
            yield from self.unclaimed(node, claims, by_region[node.name], "after all was equal")
            yield from self.expiries(node, by_region[node.name])
        for key in keys:
            versions = {name: held[key].version for name, held in by_region.items()}
            dots = {held[key].dot for held in by_region.values()}
            if len(set(versions.values())) > 1 or len(dots) > 1:
                yield Finding("diverged", f"{key} is {versions} by the writes {sorted(dots)}")
            first = next(iter(by_region.values()))[key]
            claims.settle(key, first.version)
            for dot in dots - {""}:
                yield from self.dot_used(dot, self.owner(key, first.version))

    def owner(self, key: str, version: Version | None) -> str:
        """What a write did: a transaction has one dot for all."""
        return self.transactions.get((key, version), f"{key}#{version.number if version else 0}")

    def name_transactions(self) -> None:
        self.transactions = {
            (key, version): f"transaction {pair.keys[0]}"
            for writer in self.load.writers
            for pair in writer.pairs
            for key, version in zip(pair.keys, pair.versions, strict=True)
        }

    def dot_used(self, dot: str, owner: str) -> Iterator[Finding]:
        known = self.owners.setdefault(dot, owner)
        if known != owner:
            yield Finding("doubled", f"the write {dot} is both {known} and {owner}")

    def held(self, wire: Wire, claims: Claims, keys: list[str]) -> dict[str, Held]:
        """By `RECORD`: the value, the writes it comes from, and the time that is left."""
        found: dict[str, Held] = {}
        for batch in batches(keys, 200):
            answers = wire.ask_all([("RECORD", key) for key in batch])
            # Reading all keys of all regions takes seconds on a busy machine.
            now_ms = time.time() * 1000
            for key, answer in zip(batch, answers, strict=True):
                found[key] = held(key, claims, answer.reply, now_ms) if answer.held else Held(UNREADABLE, str(answer.reply))
        self.read += len(keys)
        return found

    def unclaimed(self, node: Node, claims: Claims, held: dict[str, Held], when: str) -> Iterator[Finding]:
        for key, there in held.items():
            possible = claims.possible[key]
            if there.version not in possible:
                sort = "lost" if is_lost(there.version, possible) else "invented"
                told = there.dot if there.version is UNREADABLE else there.version
                yield Finding(sort, f"{key} is {told} in {node.name} {when}; by what its writer was told: {possible}")

    def expiries(self, node: Node, held: dict[str, Held]) -> Iterator[Finding]:
        for key, there in held.items():
            if there.version in (ABSENT, UNREADABLE):
                continue
            ends_ms = there.version.expires_ms or 0
            right = abs(there.ends_ms - ends_ms) < CLOCK_MS if ends_ms else there.ends_ms == 0
            if not right:
                yield Finding("lost", f"{key} ends at {there.ends_ms:.0f} in {node.name}, and should at {ends_ms}")

    def wholeness(self, writer: Writer) -> Iterator[Finding]:
        """A transaction is there or not; of a pipeline whose answers did not come, a beginning is there."""
        kept = writer.claims.kept
        for pair in writer.pairs:
            there = [kept.get(key) == version for key, version in zip(pair.keys, pair.versions, strict=True)]
            if len(set(there)) > 1:
                yield Finding("torn", f"of the transaction over {pair.keys} only a part is there: {there}")
        for tail in writer.tails:
            alone = [key for key in tail if len(writer.claims.possible[key]) == 2 and key not in writer.claims.mortal]
            there = [key in kept for key in alone]
            if there != sorted(there, reverse=True):
                yield Finding("torn", f"of a pipeline a later write is there and an earlier one is not: {alone} {there}")

    def all_members(self, wires: dict[str, Wire]) -> Iterator[Finding]:
        """Sets and concurrent values: all that was acknowledged, and nothing that was never sent."""
        for sort, read in (("members", "SMEMBERS"), ("siblings", "SIBLINGS")):
            fates: dict[str, dict[str, Fate]] = {}
            for writer in self.load.writers:
                for key, told in getattr(writer, sort).items():
                    fates.setdefault(key, {}).update(told)
            for key, told in fates.items():
                replies = {name: wire.ask(read, key).reply for name, wire in wires.items()}
                there = {name: members(reply) for name, reply in replies.items()}
                for name in there:
                    yield from missing(name, key, told, there[name], "after all was equal")
                if len({frozenset(each) for each in there.values()}) > 1:
                    yield Finding("diverged", f"{key} differs: { {name: len(each) for name, each in there.items()} }")
                yield from self.sibling_dots(key, replies.values() if read == "SIBLINGS" else ())

    def sibling_dots(self, key: str, replies: Iterable[Any]) -> Iterator[Finding]:
        for reply in replies:
            for value, dot, _ in reply[1] if isinstance(reply, list) else ():
                yield from self.dot_used(dot, f"{key}={value}")

    def all_counters(self, wires: dict[str, Wire]) -> Iterator[Finding]:
        """The sum of what was acknowledged, and of some of what is unknown."""
        for key, (held, unknown) in sums(self.load.writers).items():
            values = {name: int(wire.ask("GET", key).reply or 0) for name, wire in wires.items()}
            base = self.counters.get(key, 0) + held
            if len(set(values.values())) > 1:
                yield Finding("diverged", f"{key} differs: {values}")
            value = max(values.values())
            more = value - base
            if min(values.values()) < base:
                yield Finding("lost", f"{key} is {values}, {base} was acknowledged")
            elif not is_sum_of_some(more, unknown):
                yield Finding("invented", f"{key} is {value}, {more} above what was acknowledged; unknown are {unknown}")
            self.counters[key] = value

    def sample(self, wires: dict[str, Wire]) -> Iterator[Finding]:
        """Some of what was written in earlier rounds, in every region."""
        for writer in self.load.writers:
            keys = [key for key in writer.older if key not in writer.claims.possible][:SAMPLE]
            yield from self.still_there(wires, writer.claims, keys)

    def still_there(self, wires: dict[str, Wire], claims: Claims, keys: list[str]) -> Iterator[Finding]:
        for batch in batches(keys, 100):
            gets: list[Words] = [("GET", key) for key in batch]
            for name, wire in wires.items():
                for key, answer in zip(batch, wire.ask_all(gets), strict=True):
                    yield from self.as_kept(key, claims.kept[key], answer.reply, name)
        self.read += len(keys) * len(wires)

    def as_kept(self, key: str, version: Version, reply: Any, region: str) -> Iterator[Finding]:
        """A value is what it was, until it ends; around that moment both are right."""
        left_ms = version.expires_ms - time.time() * 1000 if version.expires_ms else CLOCK_MS
        there, gone = reply == version.text(key), reply is None
        if not there and left_ms >= CLOCK_MS or not there and not gone:
            yield Finding("lost", f"{key} of an earlier round is {str(reply)[:60]} in {region} instead of {version}")
        elif there and left_ms <= -CLOCK_MS:
            yield Finding("invented", f"{key} is there in {region}, {-left_ms:.0f} ms after its end")

    def everything(self) -> list[Finding]:
        """All that was ever written, in every region."""
        wires = {node.name: Wire(node.region.resp_port) for node in self.cluster.nodes}
        findings: list[Finding] = []
        for claims in [*(writer.claims for writer in self.load.writers), self.probes]:
            findings += self.still_there(wires, claims, list(claims.kept))
        for wire in wires.values():
            wire.close()
        return findings

    def journalled(self) -> Iterator[Finding]:
        """A dot has the same bytes in every journal, and in each journal always."""
        for name, reader in self.journals.items():
            for record in reader.new_records():
                known = self.entries.setdefault(record.dot, record.fingerprint)
                if known != record.fingerprint:
                    yield Finding("doubled", f"the write {record.dot} is another one in the journal of {name}")


def held(key: str, claims: Claims, reply: Any, now_ms: float) -> Held:
    value, (_, siblings), left_ms = reply
    if value is None:
        return Held(ABSENT)
    number = value[len(key) + 1 :].split(";", 1)[0] if value.startswith(f"{key}#") else ""
    versions = [*claims.possible.get(key, ()), claims.kept.get(key, ABSENT)]
    known = next((each for each in versions if each and str(each.number) == number and each.text(key) == value), UNREADABLE)
    dots = ",".join(sorted(dot for _, dot, _ in siblings))
    ends_ms = now_ms + left_ms if left_ms >= 0 else 0
    return Held(known, dots if known is not UNREADABLE else f"{value[:80]!r}", ends_ms)


def is_lost(version: Version | None, possible: set[Version | None]) -> bool:
    """Older than the oldest that is possible; what nobody knows has also replaced something."""
    return version is UNREADABLE or ABSENT not in possible and (version is ABSENT or version < min(possible))


def members(reply: Any) -> set[str]:
    """Of a set, or of what SIBLINGS answers; nothing of an error."""
    if isinstance(reply, str):
        return set()
    return {value for value, *_ in reply[1]} if len(reply) == 2 and isinstance(reply[1], list) else set(reply)


def missing(region: str, key: str, fates: dict[str, Fate], there: set[str], when: str) -> Iterator[Finding]:
    lost = [member for member, fate in fates.items() if fate is Fate.HELD and member not in there]
    invented = [member for member, fate in fates.items() if fate is Fate.REFUSED and member in there]
    for sort, wrong in (("lost", lost), ("invented", invented)):
        for member in wrong:
            yield Finding(sort, f"{member} of {key} in {region} {when}")


def sums(writers: Iterable[Writer]) -> dict[str, tuple[int, list[int]]]:
    """By counter: what was acknowledged, and the amounts that are unknown."""
    told: dict[str, Sum] = {}
    for writer in writers:
        for key, each in writer.sums.items():
            total = told.setdefault(key, Sum())
            total.held += each.held
            total.unknown += each.unknown
    return {key: (total.held, total.unknown) for key, total in told.items()}


def is_sum_of_some(total: int, amounts: list[int]) -> bool:
    reachable = {0}
    for amount in amounts:
        reachable |= {each + amount for each in reachable}
    return total in reachable


def batches(keys: list[str], size: int) -> Iterator[list[str]]:
    for at in range(0, len(keys), size):
        yield keys[at : at + size]


# No version: something that its writer never wrote there, or an error.
UNREADABLE = Version(-1, -1)
# Of each writer's older keys, in every round.
SAMPLE = 40
# Clocks are this machine's; reading takes time.
CLOCK_MS = 3000
