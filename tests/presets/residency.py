"""Placement: a region outside the list never gets a table's bytes, counts for nothing, and sends its clients elsewhere.

Narrowing a table while it is written to removes what the other regions had of it, and loses nothing in those that stay."""

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from clients import Client, Doors, Outcome
from policy_change import Flow
from scene import AT_ONCE_MS, Scene, Story, example
from settling import settled


class Placed(Story):
    """Two regions that hold the tables, and one that must not."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        # Nobody else writes these, so wherever they are found, a record was.
        self.value_mark, self.key_mark = f"secret{secrets.token_hex(12)}", f"name{secrets.token_hex(12)}"
        self.holders = [scene.region(name) for name in HOLDERS]
        self.outside = scene.region(OUTSIDE)

    def sent_elsewhere(self, outcome: Outcome) -> bool:
        """Refused at once, with who has it."""
        return outcome.refused_as("ELSEWHERE") and all(name in outcome.error for name in HOLDERS) and outcome.took_ms < AT_ONCE_MS

    def both(self, work: Callable[[Doors], Outcome]) -> dict[str, Outcome]:
        """In both regions that hold the tables, at the same time: each may wait until its time is over."""
        with ThreadPoolExecutor(len(self.holders)) as pool:
            return dict(zip(HOLDERS, pool.map(work, self.holders), strict=True))

    def same_in_both(self, key: str, wanted: str) -> None:
        found: dict[str, str] = {}

        def equal() -> bool:
            found.update({doors.name: doors.ask("GET", key) for doors in self.holders})
            return all(value == wanted for value in found.values())

        self.hold(self.scene.wait_for(equal, 10), f"GET {key} answers {found}")


class Residency(Placed):
    name = "residency"

    def declare(self) -> None:
        self.scene.declare("docs", "--placement", ",".join(HOLDERS), "--merge", "lww")
        self.scene.declare("pairs", "--preset", "leaderless", "--placement", ",".join(HOLDERS))

    def before(self) -> None:
        self.is_told()
        self.is_written()
        self.refuses(self.outside)
        self.shows_nothing(self.outside)
        self.transaction()
        self.session_moves_on()
        with self.holders[0].client() as client:
            self.counts_two(client)

    def is_told(self) -> None:
        """Two regions count, and the third is named."""
        for doors in self.scene.regions:
            told = doors.table("pairs")["explanation"]
            counted = (told["regions"], told["write_acks"], told["read_answers"], told["overlap"])
            floors = sorted(floor["region"] for floor in told["floors"])
            held = counted == (2, 2, 2, True) and floors == sorted(HOLDERS) and told["not_held_in"] == [OUTSIDE]
            self.hold(held, f"table show in {doors.name}: N, W, R, overlap {counted}, not held in {told['not_held_in']}")

    def is_written(self) -> None:
        """Every kind of record, in one region over RESP and in the other over HTTP."""
        here, there = self.holders
        here.ask("SET", f"docs:{self.key_mark}", self.value_mark)
        here.ask("HSET", "docs:hash", "field", self.value_mark)
        here.ask("SADD", "docs:set", self.value_mark)
        here.ask("ZADD", "docs:scores", 1, self.value_mark)
        wrote = there.record("PUT", "docs", "http", {"value": self.value_mark})
        self.hold(wrote.status == 200, f"PUT in {there.name}: {wrote.status}")
        for key in (f"docs:{self.key_mark}", "docs:http"):
            self.same_in_both(key, self.value_mark)

    def refuses(self, doors: Doors) -> None:
        """Both doors, reads and writes, one key and several."""
        key = f"docs:{self.key_mark}"
        told = {" ".join(map(str, words)): doors.attempt(*words) for words in commands(key)}
        wrong = [f"{words}: {outcome}" for words, outcome in told.items() if not self.sent_elsewhere(outcome)]
        shown = next(iter(told.values()))
        self.hold(not wrong, f"{len(told)} commands in {doors.name} are sent elsewhere: {shown}{example(wrong)}")
        answers = [doors.record("GET", "docs", self.key_mark), doors.record("PUT", "docs", "http", {"value": "x"})]
        held = all(answer.body["code"] == "elsewhere" and HOLDERS[0] in answer.body["detail"] for answer in answers)
        self.hold(held, f"HTTP in {doors.name}: {answers[0]}")

    def shows_nothing(self, doors: Doors) -> None:
        """A list of its keys is refused too, and a list of all keys has none of them."""
        there = self.holders[0].ask("KEYS", "docs:*")
        here = [key for key in doors.ask("KEYS", "*") if key.startswith("docs:")]
        asked = doors.attempt("KEYS", "docs:*")
        listed = doors.http("GET", "/v1/tables/docs/records")
        held = len(there) >= 5 and not here and self.sent_elsewhere(asked) and listed.body["code"] == "elsewhere"
        self.hold(held, f"{HOLDERS[0]} lists {len(there)} keys of docs, {doors.name} {len(here)}: {asked}; over HTTP: {listed.status}")

    def transaction(self) -> None:
        """Of one write over two tables the region outside gets its part."""
        self.holders[0].ask("MSET", "geode:part", "open", "docs:part", self.value_mark)
        self.same_in_both("docs:part", self.value_mark)
        self.hold(*self.scene.same_everywhere("GET", "geode:part", wanted="open"))

    def session_moves_on(self) -> None:
        """A session that wrote where the table is reads other tables where it is not."""
        with self.holders[1].client() as writer, self.outside.client() as reader:
            writer.ask("SET", "docs:session", self.value_mark)
            writer.ask("SET", "geode:session", "1")
            reader.ask("SESSION", "RESUME", writer.token())
            saw, refused = reader.attempt("GET", "geode:session"), reader.attempt("GET", "docs:session")
        self.hold(saw.reply == "1" and self.sent_elsewhere(refused), f"{OUTSIDE} resumes the session: {saw}, then {refused}")

    def counts_two(self, client: Client) -> None:
        """No request can ask for a region more than the table has."""
        for words in (("WITH", "READ", "quorum(3)", "GET", "docs:http"), ("WITH", "ACK", "regions(3)", "SET", "docs:http", "3")):
            outcome = client.attempt(*words)
            self.hold(outcome.error and "2" in outcome.error and outcome.took_ms < AT_ONCE_MS, f"{' '.join(words)}: {outcome}")

    def quorums(self, hear_each_other: bool, when: str) -> None:
        """Both go on, or neither does, whoever else they reach: the third region's word counts for nothing."""
        wrote = self.both(lambda doors: doors.attempt("SET", f"pairs:{doors.name}", self.value_mark))
        read = self.both(lambda doors: doors.attempt("GET", f"pairs:{doors.name}"))
        for name in HOLDERS:
            if hear_each_other:
                held = wrote[name].ok and read[name].reply == self.value_mark
            else:
                held = wrote[name].refused_as("NOACK") and read[name].refused_as("NOQUORUM") and OUTSIDE not in read[name].error
            self.hold(held, f"pairs in {name} {when}: {wrote[name]}, reads {read[name]}")
        self.local(self.holders)

    def local(self, among: list[Doors]) -> None:
        """The table without acks goes on in any case, and the region outside refuses it in any case."""
        for doors in among:
            key = f"docs:{doors.name}"
            wrote, read = doors.attempt("SET", key, self.value_mark), doors.attempt("GET", key)
            self.hold(wrote.ok and read.reply == self.value_mark, f"docs in {doors.name}: {wrote}, reads {read}")

    def during_cut(self, alone: Doors, others: list[Doors]) -> None:
        self.quorums(alone is self.outside, f"while {alone.name} is cut off")
        self.both(lambda doors: doors.attempt("SET", "docs:clash", f"{self.value_mark}-{doors.name}"))
        refused = self.outside.attempt("GET", "docs:clash")
        self.hold(self.sent_elsewhere(refused), f"{OUTSIDE}: {refused}")

    def after_heal(self, alone: Doors, others: list[Doors]) -> None:
        self.quorums(True, "after the heal")
        for doors in self.holders:
            self.same_in_both(f"docs:{doors.name}", self.value_mark)

    def during_split(self, one: Doors, other: Doors, between: Doors) -> None:
        """If the two that hold it are apart, the third has nothing to pass on."""
        apart = between is self.outside
        self.quorums(not apart, f"while {one.name} and {other.name} are apart")
        self.holders[0].ask("SET", "docs:split", self.value_mark)
        if apart:
            time.sleep(1)
            saw = self.holders[1].attempt("GET", "docs:split")
            self.hold(saw.ok and saw.reply is None, f"nothing came by way of {OUTSIDE}: {HOLDERS[1]} reads {saw}")

    def before_kill(self, dead: Doors, others: list[Doors]) -> None:
        self.same_in_both("docs:split", self.value_mark)

    def during_kill(self, dead: Doors, others: list[Doors]) -> None:
        alive = [doors for doors in self.holders if doors is not dead]
        if dead is self.outside:
            self.quorums(True, f"while {dead.name} is dead")
            return
        wrote = alive[0].attempt("SET", "pairs:killed", self.value_mark)
        self.hold(wrote.refused_as("NOACK"), f"pairs in {alive[0].name} while {dead.name} is dead: {wrote}")
        self.local(alive)

    def during_lonely_start(self, dead: Doors, others: list[Doors]) -> None:
        """It knows what it may have before it hears anybody."""
        if dead is self.outside:
            self.refuses(dead)
        else:
            self.local([dead])

    def after_start(self, dead: Doors, others: list[Doors]) -> None:
        self.quorums(True, f"after {dead.name} is back")

    def afterwards(self) -> None:
        for doors in self.holders:
            self.same_in_both(f"docs:{doors.name}", self.value_mark)
        self.refuses(self.outside)
        self.shows_nothing(self.outside)
        self.is_in_ledgers()
        equal, told = settled(self.scene.world.regions, 10)
        self.hold(equal, f"every region has heard of every write: {told[:160]}")
        alarms = {doors.name: doors.region.status()["counters"]["alarms"] for doors in self.scene.regions}
        self.hold(not any(alarms.values()), f"no region has other rows than another that should have the same: {alarms}")
        self.is_on_no_disk()

    def is_in_ledgers(self) -> None:
        lost = {doors.name: len(self.scene.conflicts(doors, "docs")) for doors in self.scene.regions}
        held = all(lost[name] > 0 for name in HOLDERS) and lost[OUTSIDE] == 0
        self.hold(held, f"conflicts of docs that each region lists: {lost}")

    def is_on_no_disk(self) -> None:
        """Journals are not compressed. Files of the store are, but what is there once stands in full."""
        marks = [self.value_mark.encode(), self.key_mark.encode()]
        for doors in self.scene.regions:
            looked, found = self.searched(doors, marks)
            held = looked > 0 and (found == [0, 0] if doors is self.outside else min(found) > 0)
            self.hold(held, f"of {looked} files of {doors.name}, {found[0]} have a value's mark and {found[1]} a key's")

    def searched(self, doors: Doors, marks: list[bytes]) -> tuple[int, list[int]]:
        """How many files a region has, and how many of them have each mark."""
        looked, found = 0, [0] * len(marks)
        for path in (self.scene.world.data / doors.name).rglob("*"):
            try:
                content = path.read_bytes() if path.is_file() else b""
            except FileNotFoundError:
                # The store replaces its files meanwhile.
                continue
            looked += path.is_file()
            for place, mark in enumerate(marks):
                found[place] += mark in content
        return looked, found


class Leaving(Flow):
    """A flow into a table that goes away under it."""

    def __init__(self, doors: Doors, table: str) -> None:
        super().__init__(doors, table)
        self.late = 0

    def once(self) -> None:
        refused, before = bool(self.errors), len(self.acknowledged)
        super().once()
        self.late += refused and len(self.acknowledged) > before


class Narrowing(Placed):
    name = "narrowing"

    def declare(self) -> None:
        self.scene.declare("moving", "--merge", "lww")

    def before(self) -> None:
        seeds = {f"moving:seed:{number}": self.value_mark for number in range(SEEDS)}
        with self.outside.client() as client:
            for key, value in seeds.items():
                client.ask("SET", key, value)
        self.hold(*self.scene.same_everywhere("GET", f"moving:seed:{SEEDS - 1}", wanted=self.value_mark))

    def during_cut(self, alone: Doors, others: list[Doors]) -> None:
        alone.ask("SET", "moving:clash", "here")
        others[0].ask("SET", "moving:clash", "there")

    def afterwards(self) -> None:
        lists = self.scene.wait_for(lambda: self.ledgers() == {doors.name: 1 for doors in self.scene.regions}, 10)
        self.hold(lists, f"conflicts of moving that each region lists: {self.ledgers()}")
        staying, leaving = [Flow(doors, "moving") for doors in self.holders], Leaving(self.outside, "moving")
        for flow in (*staying, leaving):
            flow.start()
        time.sleep(PHASE_S)
        self.is_foreseen()
        told = self.holders[1].cli("table", "alter", "moving", "--placement", ",".join(HOLDERS))
        removes = told.json.get("removes_copies_in") if told.code == 0 else told
        self.hold(removes == [OUTSIDE], f"{HOLDERS[1]} narrows the table under load, copies go in {removes}")
        time.sleep(PHASE_S)
        for flow in (*staying, leaving):
            flow.end()
        self.flowed(staying, leaving)
        self.arrived([*staying, leaving])
        self.is_removed()
        self.is_widened()

    def ledgers(self) -> dict[str, int]:
        return {doors.name: len(self.scene.conflicts(doors, "moving")) for doors in self.scene.regions}

    def is_foreseen(self) -> None:
        dry = self.holders[0].cli("table", "alter", "moving", "--placement", ",".join(HOLDERS), "--dry-run")
        told = dry.json if dry.code == 0 else {}
        foreseen = (told.get("version"), told.get("not_held_in"), told.get("would_remove_copies_in"))
        stands = self.outside.table("moving")["version"]
        held = foreseen == (2, [OUTSIDE], [OUTSIDE]) and stands == 1
        self.hold(held, f"the dry run: version, not held in, copies removed in {foreseen}; version {stands} stands")

    def flowed(self, staying: list[Flow], leaving: Leaving) -> None:
        """Who stays notices nothing; who leaves is refused from one moment on."""
        for flow in staying:
            told = f"{flow.doors.name}: {len(flow.acknowledged)} of {flow.last} writes acknowledged"
            self.hold(not flow.errors and flow.acknowledged, f"{told}{example(flow.errors)}")
        other = [error for error in leaving.errors if not error.startswith("ELSEWHERE")]
        told = f"{OUTSIDE}: {len(leaving.acknowledged)} writes acknowledged, then {len(leaving.errors)} sent elsewhere"
        held = leaving.acknowledged and leaving.errors and not other and not leaving.late
        self.hold(held, f"{told}, {leaving.late} acknowledged after the first of those{example(other)}")

    def arrived(self, flows: list[Flow]) -> None:
        """What was acknowledged anywhere, before or after, is where the table is now."""
        wanted = {key: value for flow in flows for key, value in flow.acknowledged.items()}
        wanted |= {f"moving:seed:{number}": self.value_mark for number in range(SEEDS)}
        keys = sorted(wanted)
        for doors in self.holders:
            missing: list[str] = []

            def all_there(doors: Doors = doors, missing: list[str] = missing) -> bool:
                found = doors.ask("MGET", *keys)
                missing[:] = [key for key, value in zip(keys, found, strict=True) if value != wanted[key]]
                return not missing

            self.scene.wait_for(all_there, 10)
            told = f"{doors.name}: of {len(keys)} acknowledged writes {len(missing)} are missing"
            self.hold(not missing, f"{told}{example(missing)}")

    def is_removed(self) -> None:
        """Rows and conflicts are gone where the table is not any more, and only there."""

        def keys(doors: Doors) -> int:
            return sum(key.startswith("moving:") for key in doors.ask("KEYS", "*"))

        gone = self.scene.wait_for(lambda: keys(self.outside) == 0, 10)
        left = {doors.name: keys(doors) for doors in self.scene.regions}
        self.hold(gone and all(left[name] > SEEDS for name in HOLDERS), f"keys of moving: {left}")
        wanted = {name: 1 for name in HOLDERS} | {OUTSIDE: 0}
        held = self.scene.wait_for(lambda: self.ledgers() == wanted, 10)
        self.hold(held, f"conflicts of moving: {self.ledgers()}")
        refused = self.outside.attempt("GET", "moving:seed:0")
        self.hold(self.sent_elsewhere(refused), f"{OUTSIDE}: {refused}")
        equal, told = settled(self.scene.world.regions, 10)
        self.hold(equal, f"every region has heard of every write: {told[:160]}")

    def is_widened(self) -> None:
        history = self.holders[0].cli("table", "history", "moving").json["history"]
        kept = [(entry["version"], entry["policy"]["placement"]) for entry in history]
        self.hold(kept == [(1, "everywhere"), (2, sorted(HOLDERS))], f"table history: {kept}")
        kept = self.keys_of_moving(self.holders[0])
        told = self.holders[0].cli("table", "alter", "moving", "--placement", "everywhere")
        self.hold(told.code == 0 and told.json["arriving"] == [OUTSIDE], f"back to everywhere: {told}")

        def placed() -> dict[str, object]:
            return {doors.name: doors.table("moving")["policy"]["placement"] for doors in self.scene.regions}

        here = self.scene.wait_for(lambda: all(lies == "everywhere" for lies in placed().values()), 60)
        self.hold(here, f"{OUTSIDE} has arrived: {placed()}")
        self.hold(self.keys_of_moving(self.outside) == kept, f"keys of moving: {len(kept)} where it was all the time")
        self.hold(*self.scene.same_everywhere("GET", f"moving:seed:{SEEDS - 1}", wanted=self.value_mark))

    def keys_of_moving(self, doors: Doors) -> set[str]:
        return {key for key in doors.ask("KEYS", "*") if key.startswith("moving:")}


def commands(key: str) -> list[tuple[str | int, ...]]:
    """Reads and writes of a key, alone and beside a key that is everywhere."""
    return [
        ("GET", key),
        ("SET", key, "1"),
        ("MGET", "geode:x", key),
        ("MSET", "geode:x", "1", key, "1"),
        ("DEL", key),
        ("EXISTS", key),
        ("TYPE", key),
        ("TTL", key),
        ("INCR", key),
        ("HGETALL", "docs:hash"),
        ("HSET", "docs:hash", "field", "1"),
        ("SMEMBERS", "docs:set"),
        ("SUNIONSTORE", "geode:copied", "docs:set"),
        ("ZRANGE", "docs:scores", 0, -1),
        ("RENAME", key, "geode:taken"),
        ("SIBLINGS", key),
        ("WITH", "READ", "quorum(2)", "GET", key),
    ]


HOLDERS = ("ap-northeast", "eu-west")
OUTSIDE = "us-east"
SEEDS = 50
PHASE_S = 1.2
