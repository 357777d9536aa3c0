"""Two releases side by side: a cluster of the previous one becomes one of this, region by region, while it is written to.

(a) One region after the other changes to the new program; after each step both programs must agree on everything.
(b) One region goes back to the previous program and forward again.
(c) The new program opens what the previous one left when it was killed, in all regions at once.
(d) It opens the data directories in golden/, which earlier releases wrote, and restores the previous one's backup.

Ends by itself; ends only what it started. Exit code 1 if a promise was broken; data directories are kept then."""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
# What the stories about crashes, presets and backups share with this: a cluster of our own, writers, who looks at what is left.
sys.path[:0] = [str(TESTS), *(str(TESTS / other) for other in ("crash", "presets", "backup"))]

import cluster
import dials
import golden
import rounds
from checks import Checks
from cluster import Cluster, template
from commands import Lightcone
from load import MAJORITY_TABLE, Load
from mixture import Mixture, url
from rolling import Program, Rolling, Step, Witness
from rounds import Figures
from wire import Fate

TABLES = [
    [MAJORITY_TABLE, "--ack", "majority", "--ack-timeout-ms", "300"],
    ["crashsib", "--preset", "siblings"],
    *dials.TABLES,
]


class World:
    """A cluster that begins with the previous program, under everybody's load."""

    def __init__(self, home: Path, previous: Program, new: Program, checks: Checks, seed: int) -> None:
        cluster.TAKEN.clear()
        self.previous, self.new, self.checks = previous, new, checks
        template(previous.binary, home, TABLES)
        self.cluster = Cluster(previous.binary, home)
        self.load, self.figures = Load([node.region for node in self.cluster.nodes], seed), Figures()
        self.play = Rolling(self.cluster, self.load, Witness(self.cluster, self.load), seed, self.figures)
        self.play.dials = dials.Dials(self.cluster.nodes)
        self.mixture = Mixture(self.cluster, [previous, new], checks)
        self.steps: list[Step] = []

    def begin(self) -> None:
        self.play.begin()
        step = self.play.change(0, [], self.previous)
        self.tell(step, f"three regions of the {self.previous.name} program write and agree")

    def step(self, regions: list[str], to: Program, told: str, kill: bool = False) -> None:
        nodes = [self.cluster.named(region) for region in regions]
        step = self.play.change(len(self.steps) + 1, nodes, to, kill)
        self.steps.append(step)
        self.tell(step, told)

    def tell(self, step: Step, told: str) -> None:
        took = f", {step.down_ms / 1000:.1f} s without it, equal after {step.settled_ms / 1000:.1f} s" if step.region else ""
        self.checks.hold(not step.findings, f"{told}{took}: nothing lost, doubled or different")
        for finding in step.findings[:10]:
            print(f"       {finding.sort:<10} {finding.text}", flush=True)

    def everything(self) -> None:
        """All that was ever written."""
        findings = self.play.examiner.everything()
        kept = self.play.examiner.kept() + self.play.dials.kept()
        self.checks.hold(not findings, f"all {kept:,} keys hold what they should, in every region")
        for finding in findings[:10]:
            print(f"       {finding.sort:<10} {finding.text}", flush=True)

    def counts(self) -> dict[str, Any]:
        return {
            "writes_acknowledged": self.load.total(Fate.HELD),
            "writes_unknown": self.load.total(Fate.UNKNOWN),
            "quorum_reads": self.play.dials.fresh_reads(),
            **self.play.examiner.counts(),
            "steps": [
                {"regions": step.region, "to": step.to, "down_ms": round(step.down_ms), "settled_ms": round(step.settled_ms)}
                for step in self.steps
            ],
        }

    def end(self) -> None:
        self.load.end()
        self.play.dials.end()
        self.cluster.end()


def rolled(world: World, home: Path) -> None:
    """A region at a time becomes new, goes back, and becomes new again."""
    world.begin()
    backup(world, home)
    order = [node.name for node in world.cluster.nodes]
    for at, region in enumerate(order):
        world.step([region], world.new, f"{region} changes to the {world.new.name} program under load")
        # From all of them somebody goes back in a moment.
        world.mixture.look(f"{at + 1} of {len(order)} are new", may_write_new=at + 1 < len(order))
    back = order[0]
    world.step([back], world.previous, f"{back} goes back to the {world.previous.name} program under load")
    world.mixture.look(f"{back} is back")
    world.step([back], world.new, f"{back} goes forward again")
    world.mixture.look("all are new")
    world.everything()
    restored(world, home)


def opened(world: World, home: Path) -> None:
    """All regions are killed under load and opened by the new program, all at once."""
    world.begin()
    everywhere = [node.name for node in world.cluster.nodes]
    world.step(everywhere, world.new, f"all regions are killed and opened by the {world.new.name} program", kill=True)
    world.mixture.look("opened by the new program")
    world.everything()


def backup(world: World, home: Path) -> None:
    """The previous program's, of its own node."""
    node = world.cluster.named(dials.HOLDERS[0])
    words = ["backup", "--region", node.name, "--at", url(node), "--to", str(home / "backups")]
    code, _, error = Lightcone(world.previous.binary).json(*words)
    world.checks.hold(code == 0, f"the {world.previous.name} program takes a backup {error.strip()}".rstrip())


def restored(world: World, home: Path) -> None:
    """By the new program; and it takes a backup of its own."""
    node = world.cluster.named(dials.HOLDERS[0])
    lightcone, place = Lightcone(world.new.binary), home / "from-backup"
    shutil.copytree(node.home, place, ignore=shutil.ignore_patterns("data", "*.log"))
    code, told, error = lightcone.json("restore", "--from", str(home / "backups"), "--config", str(place / "node.toml"))
    keys = told["keys"] if code == 0 else 0
    told_how = f"the {world.new.name} program restores that backup, {keys} keys {error.strip()}".rstrip()
    world.checks.hold(code == 0 and keys > 100, told_how)
    words = ["backup", "--region", node.name, "--at", url(node), "--to", str(home / "backups")]
    code, _, error = lightcone.json(*words)
    world.checks.hold(code == 0, f"and takes the next one beside it {error.strip()}".rstrip())


STORIES = {"roll": rolled, "open": opened}


def main() -> int:
    options = arguments()
    # Whoever ends us ends the servers that we started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("out of time"))
    signal.alarm(options.seconds_max)
    told_to, sys.stdout = sys.stdout, sys.stderr if options.json == "-" else sys.stdout
    cluster.BASES = list(range(9400, 9500, 20))
    # Nothing is timed here, and whatever built the programs may still be at work.
    rounds.START_S_MAX = rounds.SETTLE_S_MAX = 60
    home = options.data.resolve()
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    checks, figures, began = Checks(), {}, time.monotonic()
    new = Program("new", options.binary)
    golden.all_opened(new, home / "golden", checks)
    if options.previous:
        previous = Program("previous", options.previous)
        print(f"previous: {options.called or version(previous)}, new: {version(new)}", flush=True)
        for name, story in STORIES.items():
            figures[name] = play(name, story, home, previous, new, checks)
    seconds = round(time.monotonic() - began, 1)
    told = {"previous": options.called, "seconds": seconds, "passed": checks.passed, "failed": checks.failed, **figures}
    show(told)
    write(told, options.json, told_to)
    print(checks.total(), flush=True)
    if checks.failed:
        print(f"data directories and logs are kept: {home}", flush=True)
        return 1
    shutil.rmtree(home)
    return 0


def play(name: str, story: Any, home: Path, previous: Program, new: Program, checks: Checks) -> dict[str, Any]:
    print(f"-- {name}: {story.__doc__}", flush=True)
    world = None
    try:
        world = World(home / name, previous, new, checks, SEED)
        story(world, home / f"{name}-beside")
        return world.counts()
    except Exception as error:
        traceback.print_exc(limit=-4, chain=False)
        checks.hold(False, f"{name}: broke off with {type(error).__name__}: {error}")
        return {}
    finally:
        if world:
            world.end()


def show(told: dict[str, Any]) -> None:
    """What was counted, in two columns."""
    for name in STORIES:
        for what, number in told.get(name, {}).items():
            if what == "steps":
                for step in number:
                    print(f"  {step['regions']} -> {step['to']}: {step['down_ms']} ms, equal after {step['settled_ms']} ms")
            else:
                print(f"{name:<6}{what:<24}{number:>10,}", flush=True)


def version(program: Program) -> str:
    return subprocess.run([program.binary, "--version"], capture_output=True, text=True, timeout=10).stdout.strip()


def write(told: dict[str, Any], where: str | None, standard_output: Any) -> None:
    text = json.dumps(told, indent=2) + "\n"
    if where == "-":
        standard_output.write(text)
    elif where:
        Path(where).write_text(text)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, metavar="FILE", help="the new lightcone")
    parser.add_argument("--previous", metavar="FILE", help="the previous lightcone; without it only golden/ is opened")
    parser.add_argument("--called", metavar="NAME", help="what the previous one is, for the reader")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="made anew; kept if something failed")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="all counts as JSON; without FILE on standard output")
    parser.add_argument("--seconds-max", type=int, default=600, metavar="S", help="give up after this long (600)")
    return parser.parse_args()


SEED = 20261121

if __name__ == "__main__":
    sys.exit(main())
