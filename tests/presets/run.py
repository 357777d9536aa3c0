"""One three-region world through every preset there is: what each promises, before, during and after a cut and a kill.

Clients are redis-py, plain HTTP and the command line. `lightcone table show` must agree with what they measured."""

import argparse
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bad_input import BadInput
from bounded import Bounded
from catalogue import Catalogue
from checks import Checks
from clients import Doors
from crdt import Crdt
from explained import Explained
from figures import Figures
from full_geode import FullGeode
from identity import Identity
from joining import Joining
from leaderless import Leaderless
from merges import HighestBid, ShoppingCart
from policy_change import AckChange, Collapse
from residency import Narrowing, Residency
from scene import Scene, Story
from sessions import Sessions
from siblings import Siblings
from world import World

# Presets first, then single dials, then what is about all tables. The last one may leave nothing to ask.
STORIES: list[type[Story]] = [
    FullGeode,
    Crdt,
    Siblings,
    Leaderless,
    HighestBid,
    ShoppingCart,
    Bounded,
    Sessions,
    Explained,
    Catalogue,
    AckChange,
    Collapse,
    Residency,
    Narrowing,
    BadInput,
    Joining,
    Identity,
]
PRESETS = {"full-geode", "crdt", "siblings", "leaderless"}


def main() -> int:
    options = arguments()
    checks, figures = Checks(), Figures()
    scene = Scene(World.described_in(options.world), checks, figures)
    # Whoever ends us ends the servers that we started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(options.seconds_max)
    try:
        play(scene, [story for story in STORIES if story.name not in options.without.split(",")])
    except Exception as error:
        traceback.print_exc(limit=-4, chain=False)
        scene.hold(False, "all stories", f"broke off: {type(error).__name__}: {error}")
    except OutOfTime:
        checks.hold(False, f"all of it within {options.seconds_max} s")
    signal.alarm(0)
    print(f"\n{figures.table()}\n")
    if options.json:
        figures.write(options.json)
    print(checks.total())
    return 1 if checks.failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", type=Path, required=True, help="what `cargo xtask` wrote about the running world")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--without", default="", metavar="STORIES", help="leave these out, names between commas, as printed")
    parser.add_argument("--seconds-max", type=int, default=240, metavar="S", help="give up after this long (240)")
    return parser.parse_args()


class OutOfTime(BaseException):
    """No error of a story: nothing catches it on the way."""


def out_of_time(*_: object) -> None:
    raise OutOfTime


def play(scene: Scene, chosen: list[type[Story]]) -> None:
    """All acts, each through all stories."""
    scene.act = "start"
    ready(scene)
    stories = [story(scene) for story in chosen]
    tell(scene, "start", stories, lambda story: story.declare())
    tell(scene, "before", stories, lambda story: story.before())
    cut(scene, stories)
    split(scene, stories)
    kill(scene, stories)
    tell(scene, "at last", stories, lambda story: story.afterwards())


def ready(scene: Scene) -> None:
    """A world that has just begun elects who keeps the catalogue; then presets know how many regions there are."""
    start = time.monotonic()

    def known() -> bool:
        return all(len(doors.http("GET", "/v1/regions").body["regions"]) == 3 for doors in scene.regions)

    held = scene.wait_for(known, 20)
    scene.hold(held, "catalogue", f"every region knows all regions, {time.monotonic() - start:.1f} s later")
    presets = scene.regions[0].cli("table", "presets").json["presets"]
    available = {preset["name"] for preset in presets if preset["available"]}
    scene.hold(available == PRESETS, "presets", f"every preset available has its story: {', '.join(sorted(available))}")


def tell(scene: Scene, act: str, stories: list[Story], part: Callable[[Story], None]) -> None:
    """One act. A story that breaks off is a failure, and the others go on."""
    scene.act = act
    for story in stories:
        try:
            part(story)
        except Exception as error:
            traceback.print_exc(limit=-4, chain=False)
            story.hold(False, f"broke off: {type(error).__name__}: {error}")


def cut(scene: Scene, stories: list[Story]) -> None:
    """The region that leads the catalogue is cut off from everyone, and heals."""
    alone = leader(scene)
    others = scene.others(alone)
    tell(scene, "cut", stories, lambda story: story.before_cut(alone, others))
    scene.world.fault("cut", alone.name)
    print(f"--- {alone.name} is cut off")
    tell(scene, "cut", stories, lambda story: story.during_cut(alone, others))
    scene.world.fault("heal")
    print(f"--- {alone.name} is healed")
    agree(scene, "heal")
    tell(scene, "heal", stories, lambda story: story.after_heal(alone, others))


def split(scene: Scene, stories: list[Story]) -> None:
    """The two regions that are farthest from each other cannot hear each other, and both hear the third."""
    pair = max(scene.rtts, key=lambda pair: scene.rtts[pair])
    one, other = (scene.region(name) for name in sorted(pair))
    scene.world.fault("cut", one.name, other.name)
    tell(scene, "split", stories, lambda story: story.during_split(one, other, scene.others(one, other)[0]))
    scene.world.fault("heal")
    agree(scene, "split")


def kill(scene: Scene, stories: list[Story]) -> None:
    """SIGKILL for the region that leads the catalogue now, a start while it is cut off, and a heal."""
    dead = leader(scene)
    others = scene.others(dead)
    tell(scene, "kill", stories, lambda story: story.before_kill(dead, others))
    scene.world.fault("kill", dead.name)
    print(f"--- {dead.name} is killed")
    tell(scene, "kill", stories, lambda story: story.during_kill(dead, others))
    scene.world.fault("cut", dead.name)
    scene.world.fault("start", dead.name)
    print(f"--- {dead.name} is started again, cut off")
    tell(scene, "lonely", stories, lambda story: story.during_lonely_start(dead, others))
    scene.world.fault("heal")
    print(f"--- {dead.name} is healed")
    agree(scene, "restart")
    tell(scene, "restart", stories, lambda story: story.after_start(dead, others))


def leader(scene: Scene) -> Doors:
    scene.wait_for(lambda: scene.leader(scene.regions) is not None, 20)
    return scene.leader(scene.regions) or scene.regions[0]


def agree(scene: Scene, act: str) -> None:
    """Regions hear each other again and have told what they did meanwhile."""
    scene.act = act
    start = time.monotonic()
    up = scene.wait_for(lambda: all(links_up(doors) for doors in scene.regions), 20)
    scene.hold(up, "links", f"every region hears every other {time.monotonic() - start:.1f} s later")


def links_up(doors: Doors) -> bool:
    status = doors.region.status()
    return all(peer["up"] and peer["unconfirmed_entries"] < 50 for peer in status["peers"])


if __name__ == "__main__":
    sys.exit(main())
