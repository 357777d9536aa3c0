"""Regions that cannot get any more by journal what they lack go on from records: one that was away for longer than journals
reach back, one that joins, one that was emptied, two that were apart. Everybody writes meanwhile; all end equal.

Real servers with small journals; what each key must hold is known from what its only writer was told.
Ends by itself; kills only what it started. Exit code 1 if a promise was broken; data directories are kept then."""

import argparse
import json
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
# What the stories about crashes, presets and backups share with this: a cluster of our own, ports, the program as a command.
sys.path[:0] = [str(TESTS), str(TESTS / "crash"), str(TESTS / "presets"), str(TESTS / "backup"), str(Path(__file__).parent)]

import cluster
import redis
from bootstrap import bootstrap
from bootstrap import fill as records
from checks import Checks
from cluster import template
from regions import MIB, Scene, dropped, entries, position, status, wire_bytes
from rotten import rotten
from rotten_block import rotten_block
from rotten_file import rotten_file

US, EU, AP, FOURTH = "us-east", "eu-west", "ap-northeast", "sa-east"
# Ports that no other test has.
PORTS = range(9500, 9600, 20)
# Slow enough that something can be killed in the middle, bytes/s.
SLOW = 400_000
NARROW = 300_000
# Of a key, its value of 144 bytes, and what is kept with them.
RECORD_BYTES = 200


class Run:
    """What all stories have: where they are, what they may take, and the numbers that they leave."""

    def __init__(self, options: argparse.Namespace, checks: Checks) -> None:
        self.options, self.checks = options, checks
        self.home: Path = options.data
        self.figures: dict[str, Any] = {}
        self.scenes: list[Scene] = []
        self.more = 4 if options.long else 1
        cluster.BASES[:] = list(PORTS)
        template(options.binary, self.home / "template", [])

    def scene(self, name: str) -> Scene:
        """One world at a time; the ports of the one before are free again."""
        cluster.TAKEN.clear()
        scene = Scene(self.options.binary, self.home / name, self.home / "template", self.checks, self.options.seed)
        self.scenes.append(scene)
        return scene

    def end(self) -> None:
        for scene in self.scenes:
            scene.end()


def away(run: Run) -> None:
    """A region is away for longer than the others' journals reach back; what it wrote before it went is not lost."""
    scene = run.scene("away")
    scene.begin()
    us, eu, ap = (scene.cluster.named(name) for name in (US, EU, AP))
    books = [scene.book(node) for node in scene.nodes]
    for book in books:
        book.write(2500 * run.more)
    scene.ends_equal("before")
    for other in (us, eu):
        scene.links.cut(ap, other)
    books[scene.nodes.index(ap)].write(400)
    has = entries(us)
    ap.stop()
    of_ap = books[scene.nodes.index(ap)]
    doomed = sorted(of_ap.texts)[:200]
    delivered = [key for key in doomed if client(eu).get(key) == of_ap.texts[key]]
    client(eu).delete(*delivered)
    of_ap.forgets(delivered)
    scene.outgrow([book for book in books if book.node is not ap])
    for other in (us, eu):
        scene.links.cut(ap, other, cut=False)
    for book in books[:]:
        if book.node is not ap:
            book.go_on()
    lacks = entries(us) - has
    scene.start(ap)
    of_ap.go_on()
    time.sleep(3)
    scene.ends_equal("back")
    by_journal = status(ap)["counters"]["entries_applied"]
    scene.hold(by_journal < lacks, f"of {lacks} entries that it lacked, and more since, {by_journal} came as entries")
    gone = [key for key in delivered if key not in of_ap.texts]
    scene.hold(client(ap).exists(*gone) == 0, f"{len(gone)} keys that another region removed meanwhile are not revived")
    run.figures["away"] = {"lacked_entries": lacks, "came_as_entries": by_journal, "dropped_bytes": status(us)["journal"]["dropped_bytes"]}
    scene.end()


def emptied(run: Run) -> None:
    """A region loses its data directory, is taken out and invited anew, and gets everything from the others, who keep writing."""
    came_back(run, "emptied", lambda scene, node, by: scene.replace(node, by))


def renewed(run: Run) -> None:
    """The same, and its node comes back under its id."""

    def renew(scene: Scene, node: Any, by: Any) -> Any:
        scene.renew(node, by)
        return node

    came_back(run, "renewed", renew)


def came_back(run: Run, name: str, again: Callable[[Scene, Any, Any], Any]) -> None:
    scene = run.scene(name)
    scene.begin()
    us, eu = scene.cluster.named(US), scene.cluster.named(EU)
    books = [scene.book(node) for node in scene.nodes]
    scene.outgrow(books)
    scene.ends_equal("before")
    before = entries(us)
    eu.stop()
    for book in books:
        if book.node is not eu:
            book.go_on()
    empty = again(scene, eu, us)
    scene.start(empty)
    scene.book(empty, part="-anew").go_on()
    time.sleep(3)
    scene.ends_equal(name)
    told = status(empty)
    came, replica = told["counters"]["entries_applied"], told["replica"]
    scene.hold(came < before, f"of {before} entries, and more since, {came} came as entries")
    scene.hold(replica != f"r{eu.number}", f"it writes as {replica}, under a name that nobody had")
    run.figures[name] = {"entries_before": before, "came_as_entries": came}
    scene.end()


def joining(run: Run) -> None:
    """A fourth region joins while all keep writing."""
    scene = run.scene("joining")
    scene.begin()
    us = scene.cluster.named(US)
    books = [scene.book(node) for node in scene.nodes]
    scene.outgrow(books)
    for book in books:
        book.go_on()
    before = entries(us)
    fourth = scene.join(FOURTH)
    scene.start(fourth)
    scene.book(fourth).go_on()
    time.sleep(3)
    scene.ends_equal("joined")
    came = status(fourth)["counters"]["entries_applied"]
    scene.hold(came < before, f"of {before} entries that were there when it joined, and more since, {came} came as entries")
    run.figures["joining"] = {"entries_before": before, "came_as_entries": came}
    scene.end()


def killed(run: Run) -> None:
    """A region that never was there gets records; it, and the one that sends them, are killed in the middle of it."""
    scene = run.scene("killed")
    us, eu, ap = (scene.cluster.named(name) for name in (US, EU, AP))
    # All comes from one region, over a slow line.
    scene.links.cut(ap, us)
    scene.links.change(eu, ap, bandwidth_bytes_per_s=SLOW)
    scene.begin(us, eu)
    books = [scene.book(node) for node in (us, eu)]
    scene.outgrow(books)
    keys = status(us)["keys"]
    books[0].go_on()
    scene.start(ap)
    seen = []
    for victim, share in ((ap, 0.15), (eu, 0.3), (ap, 0.5), (eu, 0.7)):
        scene.wait(lambda share=share: status(ap)["keys"] > keys * share, f"{share:.0%} of the keys came", 60, tell=False)
        seen.append(status(ap)["keys"] / keys)
        victim.kill()
        scene.start(victim)
    told = ", ".join(f"{share:.0%}" for share in seen)
    scene.hold(max(seen) < 0.95, f"receiver, source, receiver and source were killed when {told} had come")
    del scene.links.told[eu.number][ap.number]["bandwidth_bytes_per_s"]
    scene.links.send(eu)
    scene.links.cut(ap, us, cut=False)
    scene.book(ap).write(300)
    scene.ends_equal("killed")
    run.figures["killed"] = {"keys": keys, "had_come": seen}
    scene.end()


def killed_while_differing(run: Run) -> None:
    """The same for a region that was away and has records of its own to keep: it is killed at once, and again later."""
    scene = run.scene("killed-differing")
    scene.begin()
    us, eu, ap = (scene.cluster.named(name) for name in (US, EU, AP))
    books = [scene.book(node) for node in scene.nodes]
    for book in books:
        book.write(2500)
    scene.ends_equal("before")
    for other in (us, eu):
        scene.links.cut(ap, other)
    of_ap = books[scene.nodes.index(ap)]
    of_ap.write(300)
    ap.stop()
    scene.outgrow([book for book in books if book.node is not ap])
    scene.links.cut(ap, eu, cut=False)
    scene.links.change(eu, ap, bandwidth_bytes_per_s=SLOW)
    books[scene.nodes.index(eu)].go_on()
    pauses = (2.2, 3.0, 2.6)
    for number, pause in enumerate(pauses):
        victim = (ap, eu)[number % 2]
        if not ap.running:
            scene.start(ap)
        of_ap.write(40)
        time.sleep(pause)
        victim.kill()
        scene.start(victim)
    del scene.links.told[eu.number][ap.number]["bandwidth_bytes_per_s"]
    scene.links.send(eu)
    scene.links.cut(ap, us, cut=False)
    scene.ends_equal("killed while it differed")
    scene.end()


def slow_line(run: Run) -> None:
    """A new region gets all over a line that takes longer for it than anybody waits for an answer."""
    scene = run.scene("slow-line")
    us, eu, ap = (scene.cluster.named(name) for name in (US, EU, AP))
    scene.links.cut(ap, eu)
    scene.links.change(us, ap, bandwidth_bytes_per_s=NARROW)
    scene.begin(us, eu)
    records(us, 30_000)
    scene.start(ap)
    began = time.monotonic()
    goes_on = told_on_the_way(scene, ap)
    equal_within(scene, 60)
    scene.hold(goes_on["kind"] == "catch_up" and goes_on["from"] == US, f"on the way it said {goes_on}")
    took, guessed = time.monotonic() - began, goes_on["at_s"] + goes_on["seconds_left"]
    scene.hold(guessed / 3 < took < guessed * 3, f"and from that, that it would take {guessed:.0f} s; it took {took:.0f} s")
    scene.hold(status(ap)["filling"] is None and status(ap)["counters"]["catch_ups"] == 1, "it says when it is over")
    scene.hold(True, f"{30_000 * 160} bytes of records over {NARROW} bytes/s took {time.monotonic() - began:.1f} s")
    scene.nobody_complains("slow line")
    scene.end()


def apart(run: Run) -> None:
    """Two sides write for so long without each other that neither can send the other its entries."""
    scene = run.scene("apart")
    scene.begin()
    us, eu, ap = (scene.cluster.named(name) for name in (US, EU, AP))
    books = [scene.book(node, resets=False) for node in scene.nodes]
    for book in books:
        book.write(1500)
    scene.ends_equal("before")
    for other in (us, eu):
        scene.links.cut(ap, other)
    scene.outgrow(books)
    for book in books:
        book.go_on()
    for other in (us, eu):
        scene.links.cut(ap, other, cut=False)
    time.sleep(4)
    scene.ends_equal("together again")
    run.figures["apart"] = {"refused_while_joined": {book.name: [book.refused, book.last_refusal] for book in books}}
    scene.end()


def cost(run: Run) -> None:
    """What differs is what it costs: nothing, or a thousand records of many."""
    scene = run.scene("cost")
    for node in scene.nodes:
        scene.tune(node, 1 << 30)
    scene.begin()
    us, eu, ap = (scene.cluster.named(name) for name in (US, EU, AP))
    many = 1_000_000 if run.options.long else 30_000
    fill(us, many)
    equal_within(scene, 300)
    told = {"records": many}
    idle = traffic(scene, ap)
    told["idle"] = idle
    for differing in (0, 1000):
        end = {node.name: position(node) for node in (us, eu)}
        ap.stop()
        overwrite(us, many, differing)
        again(us, 3 * MIB)
        for node in (us, eu):
            # What it holds is in the store then, and from now on its journal is short.
            scene.tune(node)
            node.stop()
            scene.start(node)
        scene.wait(lambda end=end: all(dropped(node) > end[node.name] for node in (us, eu)), "journals are short", 30, tell=False)
        scene.start(ap)
        began = time.monotonic()
        equal_within(scene, 120)
        took = time.monotonic() - began
        spent, usual = wire_bytes(ap), int(idle * (took + 1) / 10)
        told[str(differing)] = {"wire_bytes": spent, "idle_bytes": usual, "seconds": round(took, 2)}
        bound = 2 * differing * RECORD_BYTES + 65_536 + usual
        claim = f"{differing} of {many} records differ: {spent} bytes went over its links until all was equal, {took:.1f} s"
        scene.hold(spent <= bound, f"{claim}; {usual} would have without that, the bound is {bound}")
    scene.nobody_complains("cost")
    run.figures["cost"] = told
    scene.end()


def told_on_the_way(scene: Scene, node: Any) -> dict[str, Any]:
    """What it says of what it gets, when about a half has come; and after how many seconds that is."""
    began, told = time.monotonic(), {}

    def half() -> bool:
        told.update(status(node)["filling"] or {})
        return told.get("seconds_left") is not None and (told["share_left"] or 1) < 0.7

    scene.wait(half, "it says how far it is", 60, tell=False)
    return told | {"at_s": time.monotonic() - began}


def fill(node: Any, many: int) -> None:
    to = client(node)
    for at in range(0, many, 5000):
        pipe = to.pipeline(transaction=False)
        for number in range(at, min(many, at + 5000)):
            pipe.set(f"record:{number:09}", f"{number * 2654435761 % (1 << 64):016x}" * 9)
        pipe.execute()


def overwrite(node: Any, many: int, differing: int) -> None:
    pipe = client(node).pipeline(transaction=False)
    for number in range(differing):
        key = number * (many // max(1, differing))
        pipe.set(f"record:{key:09}", f"{time.time_ns():016x}"[:16] * 9)
    pipe.execute()


def again(node: Any, more_bytes: int) -> None:
    """One key, over and over: the journal grows, and one record more differs."""
    to = client(node)
    for _ in range(more_bytes // 600_000 + 1):
        pipe = to.pipeline(transaction=False)
        for number in range(1000):
            pipe.set("again", f"{number:0600}")
        pipe.execute()


def equal_within(scene: Scene, seconds: float) -> None:
    def equal() -> bool:
        told = [status(node) for node in scene.nodes]
        return len({str((each["applied"], each["digest"], each["keys"])) for each in told}) == 1

    scene.wait(equal, "all regions equal", seconds, tell=False)


def traffic(scene: Scene, node: Any) -> int:
    """Bytes of a node's links in ten seconds without a write."""
    time.sleep(2)
    before = wire_bytes(node)
    time.sleep(3)
    return int((wire_bytes(node) - before) * 10 / 3)


def client(node: Any) -> redis.Redis:
    return redis.Redis(port=node.region.resp_port, decode_responses=True, socket_timeout=60, retry=None)


SHORT: list[Callable[[Run], None]] = [away, joining, emptied, killed, killed_while_differing, apart, cost, slow_line, renewed, rotten, rotten_block, rotten_file]
# Only when it is asked for, because it takes minutes.
NAMED: list[Callable[[Run], None]] = [bootstrap]


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    shutil.rmtree(options.data, ignore_errors=True)
    options.data.mkdir(parents=True)
    options.data = options.data.resolve()
    checks = Checks()
    run = Run(options, checks)
    usual = SHORT + ([bootstrap] if options.long else [])
    for story in [story for story in SHORT + NAMED if story.__name__ in options.story] if options.story else usual:
        print(f"-- {story.__name__.replace('_', ' ')}: {story.__doc__}", flush=True)
        began = time.monotonic()
        try:
            story(run)
        except Exception as error:
            traceback.print_exc(limit=-4, chain=False)
            checks.hold(False, f"{story.__name__} broke off with {type(error).__name__}: {error}")
        finally:
            run.end()
        print(f"   {time.monotonic() - began:.0f} s", flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(run.figures, indent=2) + "\n")
    print(checks.total())
    if not checks.failed:
        shutil.rmtree(options.data)
    return 1 if checks.failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, metavar="FILE", help="the lightcone to run")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="made anew; kept if something failed")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="repeat the choices of a run (1)")
    parser.add_argument("--long", action="store_true", help="more of everything, and a million records over a long fat line")
    parser.add_argument("--records", type=int, default=1_000_000, metavar="N", help="of that last one (1,000,000)")
    parser.add_argument("--json", metavar="FILE", help="the figures")
    parser.add_argument("story", nargs="*", help="only these")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
