"""Writers: several threads in each region, each with keys of its own, that remember what they were told."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from claims import Claims, Version
from wire import Answer, Fate, Wire, Words
from world import Region


@dataclass
class Sum:
    """Increments of one counter by one writer in this round."""

    held: int = 0
    unknown: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Pair:
    """Two keys that one transaction wrote."""

    keys: tuple[str, str]
    versions: tuple[Version, Version]
    fate: Fate


class Counts:
    """How many writes came to what, over all rounds."""

    def __init__(self) -> None:
        self.by_fate = {fate: 0 for fate in Fate}

    def add(self, answer: Answer) -> None:
        self.by_fate[answer.fate] += answer.reply != "not connected"


class Writer(threading.Thread):
    """Writes while it may, and pauses between two steps otherwise."""

    kind = ""
    # Between two steps: servers and writers share the machine's cores.
    pause_s_max = 0.006

    def __init__(self, region: Region, number: int, seed: str) -> None:
        self.label = f"{region.name}.{self.kind}{number}"
        super().__init__(name=self.label, daemon=True)
        self.region = region
        self.wire = Wire(region.resp_port)
        self.choice = random.Random(f"{seed} {self.label}")
        self.may = threading.Event()
        self.turn = threading.Lock()
        self.ending = False
        self.round = 0
        self.steps_left = 0
        self.count = 0
        # Bytes of each value while a flood is wanted; 0: as usual.
        self.flood_bytes = 0
        self.counts = Counts()
        self.claims = Claims()
        self.pairs: list[Pair] = []
        # Of each pipeline that was cut short: the new keys whose answers did not come, in order.
        self.tails: list[list[str]] = []
        # Some of the keys of earlier rounds.
        self.older: list[str] = []
        # By set: the fate of each member.
        self.members: dict[str, dict[str, Fate]] = defaultdict(dict)
        # By counter.
        self.sums: dict[str, Sum] = defaultdict(Sum)
        # By key: the fate of each value that stands beside others.
        self.siblings: dict[str, dict[str, Fate]] = defaultdict(dict)

    def run(self) -> None:
        while not self.ending:
            self.may.wait(0.2)
            with self.turn:
                if not self.may.is_set() or self.ending:
                    continue
                self.step()
                self.steps_left -= 1
                if self.steps_left <= 0:
                    self.may.clear()
            time.sleep(self.choice.random() * self.pause_s_max if self.wire.connection._sock else 0.005)

    def go_on(self) -> None:
        if self.steps_left > 0:
            self.may.set()

    def rest(self) -> None:
        """No step begins from now on; the one under way ends first."""
        self.may.clear()
        with self.turn:
            pass

    def begin_round(self, number: int) -> None:
        """Forgets what was examined."""
        self.round, self.steps_left, self.flood_bytes = number, STEPS_MAX, 0
        self.claims.end_round()
        self.older = self.choice.sample(list(self.claims.kept), min(len(self.claims.kept), OLDER_MAX))
        self.pairs, self.tails = [], []
        self.members.clear()
        self.sums.clear()
        self.siblings.clear()

    def step(self) -> None:
        raise NotImplementedError

    def ask(self, *words: str | int) -> Answer:
        return self.ask_all([words])[0]

    def ask_all(self, commands: list[Words]) -> list[Answer]:
        answers = self.wire.ask_all(commands)
        for answer in answers:
            self.counts.add(answer)
        return answers

    def new_key(self, name: str = "n") -> str:
        self.count += 1
        return f"{name}:{self.label}:{self.round}:{self.count}"

    def own_key(self) -> str | None:
        """One that is surely there, in one version: of this round mostly, or of an earlier one."""
        now = self.claims.possible
        for _ in range(5):
            recent = list(now)[-200:]
            among = recent if recent and (self.choice.random() < 0.7 or not self.older) else self.older
            if not among:
                return None
            key = self.choice.choice(among)
            certain = len(versions := now.get(key, {self.claims.kept.get(key)})) == 1
            if certain and None not in versions and key.startswith("n:") and key not in self.claims.mortal:
                return key
        return None

    def length(self) -> int:
        return self.flood_bytes or self.choice.choice([0, 0, 0, 60, 200, 900])


class Singles(Writer):
    """One command at a time, of every sort."""

    kind = "single"

    def step(self) -> None:
        sorts = (self.write, self.overwrite, self.remove, self.short_lived, self.end_soon, self.long_lived, self.both)
        more = (self.increment, self.add_member, self.stand_beside)
        weights = (30, 8, 8, 6, 4, 4, 10, 12, 12, 6)
        self.choice.choices(sorts + more, weights)[0]()

    def write(self) -> None:
        self.put(self.new_key())

    def overwrite(self) -> None:
        self.put(self.own_key() or self.new_key())

    def put(self, key: str) -> None:
        version = self.claims.next_version(key, self.length())
        self.claims.wrote(key, version, self.ask("SET", key, version.text(key)).fate)

    def remove(self) -> None:
        if key := self.own_key():
            self.claims.removed(key, self.ask("DEL", key).fate)

    def short_lived(self) -> None:
        key = self.new_key()
        version = self.claims.next_version(key, self.length())
        ends_in_ms = self.choice.randrange(*SHORT_MS)
        self.claims.doomed(key, self.ask("SET", key, version.text(key), "PX", ends_in_ms).fate)

    def end_soon(self) -> None:
        if key := self.own_key():
            self.claims.doomed(key, self.ask("PEXPIRE", key, self.choice.randrange(*SHORT_MS)).fate)

    def long_lived(self) -> None:
        """`PXAT`, so that what PTTL answers can be held against it."""
        key = self.new_key("e")
        ends_ms = int(time.time() * 1000) + self.choice.randrange(*LONG_MS)
        version = self.claims.next_version(key, self.length(), ends_ms)
        self.claims.wrote(key, version, self.ask("SET", key, version.text(key), "PXAT", ends_ms).fate)

    def both(self) -> None:
        """A transaction over two keys, of which one may be there already."""
        keys = (self.new_key("t"), self.new_key("t"))
        versions = tuple(self.claims.next_version(key, self.length()) for key in keys)
        sets = [("SET", key, version.text(key)) for key, version in zip(keys, versions, strict=True)]
        fate = self.wire.ask_all([("MULTI",), *sets, ("EXEC",)])[-1]
        self.counts.add(fate)
        for key, version in zip(keys, versions, strict=True):
            self.claims.wrote(key, version, fate.fate)
        self.pairs.append(Pair(keys, versions, fate.fate))

    def increment(self) -> None:
        key, amount = self.counter(), self.choice.randint(1, 1000)
        self.incremented(key, amount, self.ask("INCRBY", key, amount).fate)

    def counter(self) -> str:
        return f"c:{self.choice.randrange(COUNTERS)}"

    def incremented(self, key: str, amount: int, fate: Fate) -> None:
        if fate is Fate.HELD:
            self.sums[key].held += amount
        elif fate is Fate.UNKNOWN:
            self.sums[key].unknown.append(amount)

    def add_member(self) -> None:
        key, member = self.set_key(), self.new_member()
        self.members[key][member] = self.ask("SADD", key, member).fate

    def set_key(self) -> str:
        return f"s:{self.round}:{self.choice.randrange(SETS)}"

    def new_member(self) -> str:
        self.count += 1
        return f"{self.label}:{self.count}"

    def stand_beside(self) -> None:
        """A value that replaces none, so every region's stays."""
        key, value = f"crashsib:{self.round}:{self.choice.randrange(SIBLING_KEYS)}", self.new_member()
        if len(self.siblings[key]) < SIBLINGS_MAX:
            self.siblings[key][value] = self.ask("RESOLVE", key, "-", value).fate


class Pipelines(Singles):
    """Many commands at once, a large value now and then."""

    kind = "pipeline"
    pause_s_max = 0.06

    def step(self) -> None:
        if self.choice.random() < LARGE_PART:
            self.large()
            return
        commands: list[Words] = []
        told: list[Callable[[Fate], None]] = []
        for _ in range(self.choice.randint(5, 40) if not self.flood_bytes else 8):
            words, tell = self.choice.choices((self.a_set, self.a_removal, self.a_sum, self.a_member), (70, 8, 11, 11))[0]()
            commands.append(words)
            told.append(tell)
        answers = self.ask_all(commands)
        for tell, answer in zip(told, answers, strict=True):
            tell(answer.fate)
        unknown = (words for words, answer in zip(commands, answers, strict=True) if answer.fate is Fate.UNKNOWN)
        self.tails.append([words[1] for words in unknown if words[0] == "SET"])

    def large(self) -> None:
        key = self.new_key()
        version = self.claims.next_version(key, self.choice.randint(64, 700) << 10)
        self.claims.wrote(key, version, self.ask("SET", key, version.text(key)).fate)

    def a_set(self) -> tuple[Words, Callable[[Fate], None]]:
        key = self.new_key()
        version = self.claims.next_version(key, self.length())
        return ("SET", key, version.text(key)), lambda fate: self.claims.wrote(key, version, fate)

    def a_removal(self) -> tuple[Words, Callable[[Fate], None]]:
        key = self.own_key() or self.new_key()
        return ("DEL", key), lambda fate: self.claims.removed(key, fate)

    def a_sum(self) -> tuple[Words, Callable[[Fate], None]]:
        key, amount = self.counter(), self.choice.randint(1, 1000)
        return ("INCRBY", key, amount), lambda fate: self.incremented(key, amount, fate)

    def a_member(self) -> tuple[Words, Callable[[Fate], None]]:
        key, member = self.set_key(), self.new_member()
        return ("SADD", key, member), lambda fate: self.members[key].__setitem__(member, fate)


class Majority(Singles):
    """Into the table whose OK means that more than half of the regions have it."""

    kind = "majority"

    def step(self) -> None:
        key = self.new_key(MAJORITY_TABLE)
        version = self.claims.next_version(key, self.length())
        answer = self.ask("SET", key, version.text(key))
        self.claims.wrote(key, version, answer.fate)
        if answer.reply == "OK":
            self.claims.by_majority.add(key)


class Load:
    """All writers of all regions."""

    def __init__(self, regions: Iterable[Region], seed: int) -> None:
        kinds = (Singles, Singles, Pipelines, Majority)
        self.writers = [
            kind(region, number, str(seed)) for region in regions for number, kind in enumerate(kinds, start=1)
        ]
        for writer in self.writers:
            writer.start()

    def of(self, region: str) -> list[Writer]:
        return [writer for writer in self.writers if writer.region.name == region]

    def begin_round(self, number: int) -> None:
        for writer in self.writers:
            writer.begin_round(number)

    def go_on(self, region: str | None = None) -> None:
        for writer in self.of(region) if region else self.writers:
            writer.go_on()

    def rest(self, region: str | None = None) -> None:
        """Returns once nothing is under way there."""
        chosen = self.of(region) if region else self.writers
        for writer in chosen:
            writer.may.clear()
        for writer in chosen:
            writer.rest()

    def rest_for_good(self) -> None:
        """Until the next round."""
        self.rest()
        for writer in self.writers:
            writer.steps_left = 0

    def flood(self, region: str, value_bytes: int) -> None:
        for writer in self.of(region):
            writer.flood_bytes = value_bytes

    def silences(self) -> int:
        return sum(writer.wire.silences for writer in self.writers)

    def total(self, fate: Fate) -> int:
        return sum(writer.counts.by_fate[fate] for writer in self.writers)

    def end(self) -> None:
        for writer in self.writers:
            writer.ending = True
            writer.may.set()
        for writer in self.writers:
            writer.join(timeout=30)
            writer.wire.close()


MAJORITY_TABLE = "crashmaj"
# Steps of a writer in one round: what a round writes is bounded.
STEPS_MAX = 400
COUNTERS = 8
SETS = 4
SIBLING_KEYS = 6
# Of one writer under one key; 6 writers make at most 24 values, a node takes 64.
SIBLINGS_MAX = 4
OLDER_MAX = 300
# Of a pipeline's steps.
LARGE_PART = 0.03
# From now on, ms.
SHORT_MS = (50, 900)
LONG_MS = (60_000, 900_000)
