"""Nothing acknowledged is lost, whenever a node is killed: three real servers, SIGKILL at random moments under load.

After each round every region must have every acknowledged write, no write's dot may stand for two, and regions must be
equal. Ends by itself; kills only what it started. Exit code 1 if a promise was broken; data directories are kept then."""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
# What stories about presets and this share: spare ports, programs of our own, how a region is described.
sys.path[:0] = [str(TESTS), str(TESTS / "presets")]

import report
from breaking import SPOILERS, notices
from checks import Checks
from cluster import copy_of, template
from examination import Examiner, Finding
from load import MAJORITY_TABLE, Load
from recovery import measured
from rounds import DECK, Figures, Play

TABLES = [
    [MAJORITY_TABLE, "--ack", "majority", "--ack-timeout-ms", "300"],
    ["crashsib", "--preset", "siblings"],
]


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    told_to, sys.stdout = sys.stdout, sys.stderr if options.json == "-" else sys.stdout
    home = fresh(options.data)
    print(f"seed {seed}, {options.rounds} rounds, data in {home}", flush=True)
    template(options.binary, home / "template", TABLES)
    checks = Checks()
    if options.spoil:
        noticed = self_test(checks, [options.spoil], options, home, seed)
        print(f"the spoiled world is kept: {home}")
        return 1 if noticed else 2
    if options.rounds:
        told = rounds(checks, options, home, seed)
        print(f"\n{report.table(told)}\n", flush=True)
        report.write(told, options.json, told_to)
    if options.recovery and not checks.failed:
        recovery(checks, options, home)
    if options.notices and not checks.failed:
        self_test(checks, list(SPOILERS), options, home, seed)
    print(checks.total())
    if checks.failed:
        print(f"data directories, logs and journals are kept: {home}")
        return 1
    if not options.keep:
        shutil.rmtree(home)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, metavar="FILE", help="the lightcone to run")
    parser.add_argument("--rounds", type=int, default=200, metavar="N", help="how many (200)")
    parser.add_argument("--seed", type=int, metavar="S", help="repeat the choices of a run")
    parser.add_argument(
        "--json",
        nargs="?",
        const="-",
        metavar="FILE",
        help="all counts as JSON; without FILE on standard output, and all else on standard error",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="where the worlds are; an earlier run there is removed (a temporary directory)",
    )
    parser.add_argument("--keep", action="store_true", help="keep the data directories even if all is well")
    parser.add_argument("--recovery", type=int, metavar="N", help="also measure the start of a node with N records")
    parser.add_argument("--notices", action="store_true", help="spoil worlds afterwards, and see that it is noticed")
    parser.add_argument("--seconds-max", type=float, default=3600, metavar="S", help="begin no round after this long (3600)")
    parser.add_argument("--break", dest="spoil", choices=SPOILERS, help=argparse.SUPPRESS)
    return parser.parse_args()


def fresh(asked: Path | None) -> Path:
    """An empty directory for all worlds; one that was asked for may hold an earlier run, and nothing else."""
    if asked is None:
        return Path(tempfile.mkdtemp(prefix="lightcone-crash-"))
    if asked.exists() and any(asked.iterdir()):
        if not (asked / "template.log").exists():
            sys.exit(f"{asked} holds something that is no earlier run")
        shutil.rmtree(asked)
    asked.mkdir(parents=True, exist_ok=True)
    return asked.resolve()


def rounds(checks: Checks, options: argparse.Namespace, home: Path, seed: int) -> dict[str, Any]:
    """All of them, or until a promise is broken: what is left must not be written over."""
    cluster = copy_of(home / "template", home / "world", options.binary)
    load, figures = Load([node.region for node in cluster.nodes], seed), Figures()
    examiner = Examiner(cluster, load)
    play, progress = Play(cluster, load, examiner, seed, figures), report.Progress(options.rounds)
    try:
        play.begin()
        if play_all(checks, options, play, progress):
            findings = examiner.everything()
            figures.findings += findings
            told = f"all {examiner.kept():,} keys of all rounds hold what they should, in every region"
            checks.hold(not findings, told + example(findings))
    finally:
        load.end()
        cluster.end()
    figures.seconds = time.monotonic() - progress.start
    return report.numbers(figures, load, examiner.counts(), seed)


def play_all(checks: Checks, options: argparse.Namespace, play: Play, progress: report.Progress) -> bool:
    """Whether all was well as long as there was time."""
    for number in range(1, options.rounds + 1):
        if time.monotonic() - progress.start > options.seconds_max:
            checks.hold(False, f"{options.rounds} rounds within {options.seconds_max:.0f} s")
            return True
        kind = kind_of(number, play.seed)
        progress.show(play.figures, kind)
        findings = play.round(number, kind)
        tell(checks, progress, number, kind, findings)
        if findings:
            return False
    progress.clear()
    return True


def recovery(checks: Checks, options: argparse.Namespace, home: Path) -> None:
    """Not one is lost, and it takes no longer than it may."""
    lost, starts = measured(home / "template", home, options.binary, options.recovery)
    longest, each = max(start.took_ms for start in starts), ", ".join(map(str, starts))
    told = f"{options.recovery:,} records: {len(lost)} lost; ms to the first OK, processor time in brackets: {each}"
    checks.hold(not lost and longest <= RECOVERY_MS_MAX, told)


def kind_of(number: int, seed: int) -> str:
    """Each deck has every kind."""
    deck, place = divmod(number - 1, len(DECK))
    return random.Random(f"{seed} deck {deck}").sample(DECK, len(DECK))[place]


def tell(checks: Checks, progress: report.Progress, number: int, kind: str, findings: list[Finding]) -> None:
    """A round without findings is a check that passed; it says nothing."""
    if not findings:
        checks.passed += 1
        return
    progress.clear()
    checks.hold(False, f"round {number}, {kind}: {len(findings)} findings")
    for finding in findings[:20]:
        print(f"  {finding.sort:<10} {finding.text}")


def example(findings: list[Finding]) -> str:
    return f": {findings[0].text}" if findings else ""


def self_test(checks: Checks, names: list[str], options: argparse.Namespace, home: Path, seed: int) -> int:
    """How many spoiled worlds were noticed."""
    for name in names:
        checks.hold(*notices(name, home / "template", home, options.binary, seed))
    return checks.passed


# What a node with a million records may take.
RECOVERY_MS_MAX = 3000

if __name__ == "__main__":
    sys.exit(main())
