"""The catalogue: changes go to every region, and no table waits for them, whoever is cut off or dead."""

import http.client
import json
import threading
import time

from clients import Doors
from numbered import Endless
from scene import Scene, Story, example


class Pulse(Endless):
    """A local write and read again and again: tables must not feel the catalogue."""

    def __init__(self, doors: Doors) -> None:
        super().__init__(pause_s=0.01)
        self.doors = doors
        self.client = doors.client()
        self.took: list[float] = []
        self.errors: list[str] = []
        self.number = 0

    def once(self) -> None:
        self.number += 1
        key = f"geode:pulse-{self.doors.name}"
        wrote, read = self.client.attempt("SET", key, self.number), self.client.attempt("GET", key)
        self.took += [wrote.took_ms, read.took_ms]
        if not wrote.ok or read.reply != str(self.number):
            self.errors.append(f"write {wrote}, read {read}")


class Watch(threading.Thread):
    """Asks one region for a table until it shows this version."""

    def __init__(self, doors: Doors, table: str, version: int) -> None:
        super().__init__(daemon=True)
        self.doors, self.path, self.version = doors, f"/v1/tables/{table}", version
        self.seen: float | None = None

    def run(self) -> None:
        deadline = time.monotonic() + 20
        connection = http.client.HTTPConnection("127.0.0.1", self.doors.region.http_port, timeout=10)
        while self.seen is None and time.monotonic() < deadline:
            connection.request("GET", self.path)
            told = json.load(connection.getresponse())
            if told.get("version", 0) >= self.version:
                self.seen = time.monotonic()
            time.sleep(0.003)
        connection.close()


class Catalogue(Story):
    name = "catalogue"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.pulses: list[Pulse] = []

    def declare(self) -> None:
        self.scene.declare("changing", "--preset", "crdt")

    def before(self) -> None:
        """Changed from each region in turn, looked at in all."""
        took = []
        for number in range(CHANGES):
            doors = self.scene.regions[number % len(self.scene.regions)]
            took.append(self.visible_after_ms(doors, 1100 + number))
        largest = max(self.scene.rtts.values())
        goal = 2 * largest + 100
        missing = took.count(None)
        times = [one for one in took if one is not None]
        figure = self.scene.figures.add("catalogue change visible everywhere", times, f"<= {goal:.0f}")
        told = f"{CHANGES} changes were visible in every region, {missing} were not; after {figure.p50:.0f} ms at the median"
        self.hold(not missing and figure.p50 < goal * SLACK, told)

    def visible_after_ms(self, doors: Doors, wait_ms: int) -> float | None:
        version = doors.table("changing")["version"] + 1
        watches = [Watch(other, "changing", version) for other in self.scene.regions]
        for watch in watches:
            watch.start()
        start = time.monotonic()
        changed = doors.http("PATCH", "/v1/tables/changing", {"wait_ms": wait_ms, "expect_version": version - 1})
        for watch in watches:
            watch.join()
        seen = [watch.seen for watch in watches if watch.seen is not None]
        return (max(seen) - start) * 1000 if changed.status == 200 and len(seen) == len(watches) else None

    def before_cut(self, alone: Doors, others: list[Doors]) -> None:
        self.begin(self.scene.regions)

    def before_kill(self, dead: Doors, others: list[Doors]) -> None:
        self.begin(others)

    def begin(self, regions: list[Doors]) -> None:
        self.pulses = [Pulse(doors) for doors in regions]
        for pulse in self.pulses:
            pulse.start()

    def during_cut(self, alone: Doors, others: list[Doors]) -> None:
        """`alone` led the catalogue."""
        self.changed_by(others, alone, 2001)
        before = alone.table("changing")
        refused = alone.cli("table", "alter", "changing", "--wait-ms", "2999")
        held = refused.code != 0 and refused.took_ms < CHANGE_TIMEOUT_MS + 2000
        self.hold(held, f"a change asked in {alone.name}, cut off: {refused}")
        still = alone.table("changing")
        self.hold(still["version"] == before["version"], f"{alone.name} goes on with version {still['version']}")

    def changed_by(self, others: list[Doors], without: Doors, wait_ms: int) -> None:
        """The rest of the regions choose a leader and change a table; the first attempt may come before that."""
        start = time.monotonic()
        for _ in range(3):
            told = others[0].cli("table", "alter", "changing", "--wait-ms", str(wait_ms))
            if told.code == 0:
                break
        took_s = time.monotonic() - start
        self.wait_ms = wait_ms
        shown = self.scene.wait_for(lambda: all(self.shows(doors) for doors in others), 5)
        claim = f"without {without.name}, which led, {others[0].name} changes a table in {took_s:.1f} s"
        self.hold(told.code == 0 and shown, claim if told.code == 0 else f"{claim}: {told}")

    def shows(self, doors: Doors) -> bool:
        return doors.table("changing")["policy"]["wait_ms"] == self.wait_ms

    def after_heal(self, alone: Doors, others: list[Doors]) -> None:
        self.arrives(alone, "cut")

    def arrives(self, back: Doors, trouble: str) -> None:
        """Also whatever the region was asked while nobody heard it: decided everywhere, or nowhere."""
        start = time.monotonic()

        def equal() -> bool:
            told = [doors.table("changing") for doors in self.scene.regions]
            return len({(table["version"], table["policy"]["wait_ms"]) for table in told}) == 1

        same = self.scene.wait_for(equal, 15)
        for pulse in self.pulses:
            pulse.end()
        told = f"{back.name} has the change that it missed, and all are equal, {time.monotonic() - start:.1f} s later"
        self.hold(same and back.table("changing")["policy"]["wait_ms"] in (self.wait_ms, 2999), told)
        for pulse in self.pulses:
            figure = self.scene.figures.add(f"local write or read in {pulse.doors.name} through the {trouble}", pulse.took)
            told = f"{len(pulse.took)} local commands throughout, p99 {figure.p99:.1f} ms, {len(pulse.errors)} failed"
            self.hold(not pulse.errors and figure.p99 < PULSE_MS, f"{pulse.doors.name}: {told}{example(pulse.errors)}")

    def during_kill(self, dead: Doors, others: list[Doors]) -> None:
        self.changed_by(others, dead, 2002)

    def after_start(self, dead: Doors, others: list[Doors]) -> None:
        self.arrives(dead, "kill")


CHANGES = 12
# How much longer than promised the median may take on a machine that does everything at once.
SLACK = 1.5
CHANGE_TIMEOUT_MS = 5000
# Nodes choose a new leader in a second or so; who waits for that shows, and who is only on a busy machine does not.
PULSE_MS = 300
