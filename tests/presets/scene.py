"""What every story needs: the regions, what was claimed, what was measured, and how far away regions are."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from checks import Checks
from clients import Doors, Told
from figures import Figures
from world import World


@dataclass
class Scene:
    """The world of one run."""

    world: World
    checks: Checks
    figures: Figures
    regions: list[Doors] = field(init=False)
    # Emulated round trips between two regions, ms.
    rtts: dict[frozenset[str], float] = field(init=False)
    act: str = ""

    def __post_init__(self) -> None:
        self.regions = [Doors(self.world, region) for region in self.world.regions]
        links = json.loads(self.world.fault("list", "--json"))["links"]
        self.rtts = {frozenset((link["a"], link["b"])): link["usual_rtt_ms"] for link in links}

    def hold(self, held: bool, story: str, claim: str) -> None:
        """Notes one claim of a story in the present act."""
        self.checks.hold(bool(held), f"{self.act:<8} {story:<12} {claim}")

    def region(self, name: str) -> Doors:
        return next(doors for doors in self.regions if doors.name == name)

    def others(self, *without: Doors) -> list[Doors]:
        """All regions but these."""
        return [doors for doors in self.regions if doors not in without]

    def rtt_ms(self, one: Doors, other: Doors) -> float:
        return self.rtts[frozenset((one.name, other.name))]

    def nearest_rtt_ms(self, doors: Doors, count: int) -> float:
        """To the region that is number `count` by distance; 0 for the region itself."""
        distances = sorted(self.rtt_ms(doors, other) for other in self.others(doors))
        return distances[count - 1] if count else 0.0

    def leader(self, among: list[Doors]) -> Doors | None:
        """Whom the first of these regions that knows takes for the catalogue's leader."""
        for doors in among:
            name = doors.region.status()["control_plane"]["leader"]
            if name and any(name == other.name for other in self.regions):
                return self.region(name)
        return None

    def declare(self, table: str, *dials: str, at: Doors | None = None) -> dict[str, Any]:
        """Creates a table through the command line."""
        told = (at or self.regions[0]).cli("table", "create", table, *dials)
        if told.code != 0:
            raise RuntimeError(f"table create {table} {' '.join(dials)}: {told}")
        self.wait_for(lambda: all(self.knows(doors, table) for doors in self.regions), 10)
        return told.json

    def knows(self, doors: Doors, table: str) -> bool:
        return doors.http("GET", f"/v1/tables/{table}").status == 200

    def conflicts(self, doors: Doors, table: str) -> list[dict[str, Any]]:
        """What a region's ledger says, the newest 1,000."""
        told = doors.cli("conflicts", "--table", table, "--limit", "1000")
        if told.code != 0:
            raise RuntimeError(f"conflicts of {table} in {doors.name}: {told}")
        return told.lines

    def same_everywhere(self, *words: str | int, wanted: Any, patience_s: float = 10) -> tuple[bool, str]:
        """Waits until a command answers this in every region; tells what was answered."""
        answers: dict[str, Any] = {}

        def equal() -> bool:
            answers.update({doors.name: doors.attempt(*words).reply for doors in self.regions})
            return all(answer == wanted for answer in answers.values())

        held = self.wait_for(equal, patience_s)
        told = repr(wanted) if held else f"{answers} instead of {wanted!r}"
        return held, f"{' '.join(map(str, words))} answers {told}"

    @staticmethod
    def wait_for(condition: Callable[[], bool], patience_s: float) -> bool:
        """Until it holds, or patience ends."""
        deadline = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


class Story:
    """What one preset, or one dial, promises. Each act is empty unless a story has something to show in it."""

    # As in the list of presets, or what the story is about.
    name = ""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def declare(self) -> None:
        """Creates the story's tables."""

    def before(self) -> None:
        """All is well."""

    def before_cut(self, alone: Doors, others: list[Doors]) -> None:
        """`alone` will be cut off in a moment."""

    def during_cut(self, alone: Doors, others: list[Doors]) -> None:
        """`alone` is cut off from everyone."""

    def after_heal(self, alone: Doors, others: list[Doors]) -> None:
        """The cut is healed, and regions hear each other."""

    def during_split(self, one: Doors, other: Doors, between: Doors) -> None:
        """Two regions are cut from each other; both still reach the third."""

    def before_kill(self, dead: Doors, others: list[Doors]) -> None:
        """`dead` will be killed in a moment."""

    def during_kill(self, dead: Doors, others: list[Doors]) -> None:
        """`dead` was killed."""

    def during_lonely_start(self, dead: Doors, others: list[Doors]) -> None:
        """It was started again, but nobody hears it, nor it anybody."""

    def after_start(self, dead: Doors, others: list[Doors]) -> None:
        """It runs again and hears the others."""

    def afterwards(self) -> None:
        """All was cut, killed and healed."""

    def hold(self, held: bool, claim: str) -> None:
        self.scene.hold(held, self.name, claim)


def example(wrong: list[str]) -> str:
    """The first of them, to stand at the end of a claim; nothing if there is none."""
    return f": {wrong[0]}" if wrong else ""


def refusal(told: Told, *words: str) -> bool:
    """Whether the command line refused at once, with all these words."""
    return told.code != 0 and all(word in told.error for word in words) and told.took_ms < AT_ONCE_MS


# More than a busy machine needs to start a process, less than any timeout of the node.
AT_ONCE_MS = 1900.0
