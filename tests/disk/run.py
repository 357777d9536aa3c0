"""A real server on a disk that fills up: it refuses writes clearly, goes on reading, goes on writing by itself once there is
room, and loses nothing that it acknowledged. Its journal stays small while everybody has it.

Two regions as real processes, one of them on a tmpfs of its own. Ends by itself; kills only what it started."""

import argparse
import hashlib
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
# What the stories about crashes and presets share with this: a cluster of our own, spare ports.
sys.path[:0] = [str(TESTS), str(TESTS / "crash"), str(TESTS / "presets")]

import redis
from checks import Checks
from cluster import Cluster, Node, Sizes, template
from small_disk import SmallDisk, enter

MIB = 1 << 20
SMALL, FAR = "us-east", "eu-west"
DISK_MIB, RESERVE_MIB = 96, 16
VALUE = 8192


class Scene:
    """Two regions, the small disk under one of them, and what was acknowledged."""

    def __init__(self, binary: str, home: Path, checks: Checks) -> None:
        self.checks = checks
        template(binary, home / "world", [])
        self.disk = SmallDisk(home / "disk", DISK_MIB)
        self.cluster = Cluster(binary, home / "world")
        self.small, self.far = self.cluster.named(SMALL), self.cluster.named(FAR)
        # They begin anew: a data directory may not move from one disk to another.
        for node in self.cluster.nodes:
            shutil.rmtree(node.data)
        on_small_disk(self.small, self.disk.at / "data")
        self.acknowledged: dict[str, str] = {}
        for node in self.cluster.nodes:
            self.cluster.start(node, Sizes(1, 1, 1))
        for node in self.cluster.nodes:
            self.wait(lambda node=node: status(node)["takes_writes"], f"{node.name} takes writes", 30)

    def start(self, node: Node) -> None:
        self.cluster.start(node, Sizes(1, 1, 1))
        self.wait(lambda: status(node)["takes_writes"], f"{node.name} takes writes", 30)

    def write(self, key: str, version: int) -> redis.RedisError | None:
        """One write at the small disk; what it was told instead of OK."""
        value = text_of(key, version)
        try:
            client(self.small).set(key, value)
        except redis.RedisError as error:
            return error
        self.acknowledged[key] = value
        return None

    def hold(self, held: bool, claim: str) -> None:
        self.checks.hold(held, claim)

    def wait(self, until: Callable[[], Any], what: str, seconds: float) -> None:
        """Claims that something becomes true in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if until():
                    return self.hold(True, what)
            except (OSError, redis.RedisError):
                pass
            time.sleep(0.05)
        self.hold(False, f"{what} within {seconds:g} s")

    def wrong(self, node: Node) -> list[str]:
        """Acknowledged keys that a region does not have as they should be."""
        keys = list(self.acknowledged)
        found = [value for at in range(0, len(keys), 100) for value in client(node).mget(keys[at : at + 100])]
        return [key for key, value in zip(keys, found, strict=True) if value != self.acknowledged[key]]


def on_small_disk(node: Node, data: Path) -> None:
    """From now on the node is configured to live there."""
    usual = node.settings

    def settings(sizes: Sizes, peers: list[Node], alone: bool) -> dict[str, Any]:
        told = usual(sizes, peers, alone)
        told["data_dir"] = str(data)
        told["storage"]["disk_reserve_bytes"] = RESERVE_MIB * MIB
        told["storage"]["journal_truncate"] = True
        return told

    node.settings = settings


def status(node: Node) -> dict[str, Any]:
    return node.region.status()


def client(node: Node) -> redis.Redis:
    return redis.Redis(port=node.region.resp_port, decode_responses=True, socket_timeout=20, retry=None)


def text_of(key: str, version: int) -> str:
    """Text that nobody compresses to nothing."""
    return "".join(hashlib.sha512(f"{key} {version} {k}".encode()).hexdigest() for k in range(VALUE // 128))


def is_disk_full(error: redis.RedisError | None) -> bool:
    return error is not None and str(error).startswith("DISKFULL")


def journal_stays_small(scene: Scene) -> None:
    """Three times the disk's size is written, over and over the same keys, while every region has it all."""
    highest = 0
    for number in range(3 * DISK_MIB * MIB // VALUE):
        error = scene.write(f"again{number % 500}", number)
        if error:
            return scene.hold(False, f"write {number} is taken: {error}")
        if number % 200 == 0:
            highest = max(highest, status(scene.small)["journal_bytes"])
    scene.hold(True, f"{3 * DISK_MIB} MiB were written to a disk of {DISK_MIB} MiB; the journal had {highest / MIB:.1f} MiB at most")
    scene.hold(highest < DISK_MIB * MIB / 2, "it stayed below half of the disk")
    told = status(scene.small)["journal"]
    scene.hold(told["dropped_bytes"] > DISK_MIB * MIB, f"status says that {told['dropped_bytes']} bytes were dropped")
    scene.wait(lambda: status(scene.small)["digest"] == status(scene.far)["digest"], "both regions are equal", 30)


def journal_waits_for_the_absent(scene: Scene) -> None:
    """What a region lacks stays until it has it, and status names that region."""
    scene.far.kill()
    before = status(scene.small)["journal"]["dropped_bytes"]
    for number in range(8 * MIB // VALUE):
        scene.write(f"absent{number % 200}", number)
    time.sleep(4)
    told = status(scene.small)["journal"]
    scene.hold(FAR in (told["kept_for"] or ""), f"status says for whom it is kept: {told['kept_for']}")
    kept = status(scene.small)["journal_bytes"]
    scene.hold(kept >= 8 * MIB, f"all of it is there: {kept} bytes")
    # A restart has heard nobody yet, so it may drop nothing either.
    scene.small.kill()
    scene.start(scene.small)
    scene.hold(status(scene.small)["journal"]["dropped_bytes"] <= told["dropped_bytes"], "a restart drops nothing of it")
    scene.start(scene.far)
    scene.wait(lambda: status(scene.small)["digest"] == status(scene.far)["digest"], "the absent one gets it all", 30)
    scene.wait(lambda: status(scene.small)["journal"]["dropped_bytes"] > before + 4 * MIB, "and then it goes", 30)


def the_reserve_is_kept(scene: Scene) -> None:
    """Writes are refused while there is still room for replication; reads and removing go on."""
    scene.disk.leave((RESERVE_MIB + 14) * MIB)
    told = fill(scene, "fill")
    scene.hold(is_disk_full(told), f"a write is refused: {told}")
    print(f"       {scene.disk.free / MIB:.1f} MiB are free then", flush=True)
    scene.wait(lambda: not status(scene.small)["takes_writes"], "status says that it takes no writes", 5)
    scene.hold("disk" in status(scene.small)["trouble"], "and why")
    scene.hold(scene.wrong(scene.small) == [], f"{len(scene.acknowledged)} acknowledged keys can be read meanwhile")
    refused = scene.write("fill0", 77)
    scene.hold(is_disk_full(refused), "writing over something is refused too")
    gone = next(iter(scene.acknowledged))
    scene.hold(client(scene.small).delete(gone) == 1, "removing is not")
    del scene.acknowledged[gone]
    client(scene.far).set("from afar", "arrives")
    scene.wait(lambda: client(scene.small).get("from afar") == "arrives", "what another region writes arrives", 10)
    scene.disk.empty()
    scene.wait(lambda: scene.write("room again", 1) is None, "with room again, writes go on by themselves", 10)
    scene.hold(status(scene.small)["trouble"] == "", "and nothing troubles the node")


def a_disk_without_a_byte(scene: Scene) -> None:
    """Something else fills the disk at once, under load; nothing of the reserve is left."""
    stop, told = threading.Event(), []

    def load(part: int) -> None:
        number = 0
        while not stop.is_set():
            error = scene.write(f"load{part}x{number % 300}", number)
            number += 1
            if error:
                told.append(error)
                # Whether it was taken is not known, so nobody may count on either.
                scene.acknowledged.pop(f"load{part}x{(number - 1) % 300}", None)
                time.sleep(0.1)

    threads = [threading.Thread(target=load, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        scene.disk.leave(0)
        time.sleep(0.02)
    kinds = {str(error).split()[0] for error in told}
    scene.hold(bool(told) and kinds <= {"DISKFULL", "Connection"}, f"{len(told)} writes were refused, with {kinds}")
    scene.hold(any(is_disk_full(error) for error in told), "the refusals say why")
    doubtful = sum("not durable" in str(error) for error in told)
    print(f"       {doubtful} of them had been taken before", flush=True)
    old = [key for key in scene.acknowledged if not key.startswith("load")][:500]
    read = client(scene.small).mget(old)
    scene.hold(read == [scene.acknowledged[key] for key in old], "what was there before can be read")
    scene.hold(scene.small.ended_by_itself() == "", "the server lives")
    scene.disk.empty()
    scene.wait(lambda: scene.write("after all", 2) is None, "with room again, writes go on by themselves", 15)
    stop.set()
    for thread in threads:
        thread.join()
    scene.hold(scene.wrong(scene.small) == [], "what was acknowledged is there")
    scene.wait(lambda: scene.wrong(scene.far) == [], "and in the other region", 30)


def killed_while_full(scene: Scene) -> None:
    """SIGKILL on a full disk, then a start with room: everything acknowledged is there."""
    scene.disk.leave((RESERVE_MIB + 4) * MIB)
    fill(scene, "kill")
    scene.disk.leave(0)
    fill(scene, "kill", at_most=50)
    scene.small.kill()
    scene.disk.empty()
    scene.start(scene.small)
    scene.hold(scene.wrong(scene.small) == [], f"after SIGKILL, all {len(scene.acknowledged)} acknowledged keys are there")
    scene.hold(scene.write("next life", 1) is None, "and it takes writes")
    scene.wait(lambda: status(scene.small)["digest"] == status(scene.far)["digest"], "both regions are equal", 30)
    panics = [line for node in scene.cluster.nodes for line in node.complaints() if "panicked" in line]
    scene.hold(panics == [], f"nobody panicked {panics[:1]}")


def fill(scene: Scene, name: str, at_most: int = 20_000) -> redis.RedisError | None:
    """Writes new keys until one is refused; what that was told."""
    for number in range(at_most):
        if error := scene.write(f"{name}{number}", number):
            scene.acknowledged.pop(f"{name}{number}", None)
            return error
    return None


STORIES = [journal_stays_small, journal_waits_for_the_absent, the_reserve_is_kept, a_disk_without_a_byte, killed_while_full]


def main() -> int:
    enter()
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    shutil.rmtree(options.data, ignore_errors=True)
    options.data.mkdir(parents=True)
    checks = Checks()
    scene = Scene(options.binary, options.data, checks)
    try:
        for story in STORIES:
            print(f"-- {story.__name__.replace('_', ' ')}: {story.__doc__}", flush=True)
            story(scene)
    except Exception as error:
        traceback.print_exc(limit=-4, chain=False)
        checks.hold(False, f"all stories: broke off with {type(error).__name__}: {error}")
    finally:
        scene.cluster.end()
        if checks.failed:
            shutil.copytree(scene.disk.at / "data", options.data / "kept", ignore_dangling_symlinks=True)
        scene.disk.unmount()
    print(checks.total())
    return 1 if checks.failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, metavar="FILE", help="the lightcone to run")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="made anew; kept if something failed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
