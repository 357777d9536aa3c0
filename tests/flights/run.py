"""A year of flights through three regions at once, with a cut and a kill in the middle.

Each flight is written about twice: in the region nearest its origin, and in the region nearest its destination. In the
end all regions must answer the same, and what they answer must be what one process computes from the same file."""

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from agreement import differences, everything
from checks import Checks
from director import Director
from placement import nearest_regions, region_places
from plain import Value, expected
from records import Flight, airport_places, flights
from settling import settled
from world import World
from writer import Pace, Progress, marks_key, write_all
from writes import Command, on_arrival, on_departure

Batches = dict[str, list[list[Command]]]

# Halves of flights in one transaction.
BATCH_HALVES = 40
# A sample is spread over this time, so that a cut and a kill meet writes on all sides.
SAMPLE_SECONDS = 20
SETTLE_PATIENCE_S = 180


def main() -> int:
    options = arguments()
    world = World.described_in(options.world)
    chosen = list(flights(None if options.all else options.sample))
    batches = batched(chosen, nearest_regions(airport_places(), region_places(world.places())), world)
    for region, some in batches.items():
        print(f"{region}: {len(some):,} batches, {sum(map(len, some)):,} commands")
    checks = Checks()
    write(world, batches, 0 if options.all else SAMPLE_SECONDS, checks)
    judge(world, chosen, batches, checks)
    print(checks.total())
    return 1 if checks.failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", type=Path, required=True, help="what `cargo xtask` wrote about the running world")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--all", action="store_true", help="all 336,776 flights, as fast as they are answered")
    size.add_argument("--sample", type=int, default=20_000, metavar="N", help="N flights, spread over the year")
    return parser.parse_args()


def batched(chosen: list[Flight], nearest: dict[str, str], world: World) -> Batches:
    """Each region's commands in the order of the file, in transactions."""
    halves: dict[str, list[list[Command]]] = {region.name: [] for region in world.regions}
    for flight in chosen:
        halves[nearest[flight.origin]].append(on_departure(flight))
        halves[nearest[flight.destination]].append(on_arrival(flight))
    return {region: [flat(some) for some in grouped(of_region)] for region, of_region in halves.items()}


def grouped(halves: list[list[Command]]) -> list[list[list[Command]]]:
    return [halves[start : start + BATCH_HALVES] for start in range(0, len(halves), BATCH_HALVES)]


def flat(halves: list[list[Command]]) -> list[Command]:
    return [command for half in halves for command in half]


def write(world: World, batches: Batches, seconds: float, checks: Checks) -> None:
    """One process per region, all at once, while the director breaks things."""
    progress = {region.name: Progress.nothing() for region in world.regions}
    totals = {region: len(some) for region, some in batches.items()}
    busiest = max(totals, key=lambda region: totals[region])
    pace = Pace(seconds, progress[busiest], totals[busiest])
    writers = {
        region.name: multiprocessing.Process(
            target=write_all, args=(region, batches[region.name], pace, progress[region.name]), daemon=True
        )
        for region in world.regions
    }
    start = time.monotonic()
    for writer in writers.values():
        writer.start()
    director = Director(world, progress, totals, checks)
    director.run(busiest, lambda: any(writer.is_alive() for writer in writers.values()))
    for writer in writers.values():
        writer.join()
    took = time.monotonic() - start
    commands = sum(len(some) for of_region in batches.values() for some in of_region)
    print(f"\n{commands:,} commands in {took:.1f} s, {commands / took:,.0f}/s")
    checks.hold(all(writer.exitcode == 0 for writer in writers.values()), "every writer got through")
    doubts: Counter[str] = Counter()
    for each in progress.values():
        doubts += Counter(breaks=each.breaks.value, found_done=each.found_done.value, repeated=each.repeated.value)
    checks.hold(
        doubts["breaks"] > 0,
        f"the kill was felt: {doubts['breaks']} batches in doubt, {doubts['found_done']} of them had been done, "
        f"{doubts['repeated']} attempts to repeat",
    )


def judge(world: World, chosen: list[Flight], batches: Batches, checks: Checks) -> None:
    """All regions equal, and equal to the plain computation."""
    start = time.monotonic()
    equal, told = settled(world.regions, SETTLE_PATIENCE_S)
    checks.hold(equal, f"equal vectors, digests and counts after {time.monotonic() - start:.1f} s: {told}")
    wanted: dict[str, Value] = expected(chosen)
    wanted |= {marks_key(region): {str(number) for number in range(len(some))} for region, some in batches.items() if some}
    for region in world.regions:
        wrong = differences(everything(region), wanted)
        checks.hold(not wrong, f"{region.name} answers {len(wanted):,} keys as computed, {len(wrong)} differ")
        for line in wrong[:10]:
            print(f"       {line}")


if __name__ == "__main__":
    sys.exit(main())
