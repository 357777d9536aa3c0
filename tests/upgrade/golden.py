"""Data directories that earlier releases wrote: each release opens them and says the same of them.

`golden/NAME.tar.xz` has the `data` directories of three regions; `golden/NAME.json` what clients saw before they were
ended, one in order, two with SIGKILL. `python golden.py --binary FILE --name NAME` makes a pair, once for each release."""

import argparse
import hashlib
import json
import shutil
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), *(str(TESTS / other) for other in ("crash", "presets", "backup"))]

import cluster
import redis
from checks import Checks
from cluster import Cluster, Node, Sizes, pass_for_the_first, template
from contents import contents
from mixture import asked, comes, session, takes, url
from rolling import Program
from rounds import equal, quiet

GOLDEN = Path(__file__).parent / "golden"
# Losses are kept for good: a golden directory gets old.
FOREVER = ["--ledger-age-max", "36500d"]
LEDGER, SIDE_BY_SIDE, PLACED, JSON = "ledger", "beside", "placed", "document"
TABLES = [
    [LEDGER, "--merge", "lww", *FOREVER],
    [SIDE_BY_SIDE, "--merge", "siblings", "--ack", "majority", *FOREVER],
    [JSON, "--merge", "json(items: union by sku, qty: max)", *FOREVER],
    ["fresh", "--ack", "regions(2)", "--read", "bounded(5s)"],
    [PLACED, "--placement", "eu-west,us-east", "--read", "eventual"],
]


def all_opened(new: Program, home: Path, checks: Checks) -> None:
    """Each pair in turn."""
    names = sorted(path.stem for path in GOLDEN.glob("*.json"))
    checks.hold(bool(names), f"there are golden data directories: {', '.join(names)}")
    for name in names:
        print(f"-- golden {name}: what an earlier release left is opened by this one", flush=True)
        try:
            Golden(name, new, home / name, checks).opened()
        except Exception as error:
            checks.hold(False, f"{name} is opened: broke off with {type(error).__name__}: {error}")


class Golden:
    """One pair, and a cluster that is made of it."""

    def __init__(self, name: str, new: Program, home: Path, checks: Checks) -> None:
        cluster.TAKEN.clear()
        self.name, self.checks = name, checks
        self.told = json.loads((GOLDEN / f"{name}.json").read_text())
        home.parent.mkdir(parents=True, exist_ok=True)
        # Certificates and configurations are made anew: none lie in the repository.
        template(new.binary, home, [])
        for data in home.glob("*/data"):
            shutil.rmtree(data)
        unpack(GOLDEN / f"{name}.tar.xz", home)
        for data in home.glob("*/data"):
            pass_for_the_first(data)
        self.cluster = Cluster(new.binary, home)

    def opened(self) -> None:
        try:
            # One alone first: what it has, nobody can have told it again.
            first = self.cluster.nodes[-1]
            self.cluster.start(first, Sizes(), alone=True)
            if not self.hold(comes(lambda: answers(first), 30), f"{first.name} opens it {first.ended_by_itself()}".rstrip()):
                return
            self.compare(first, "alone")
            first.stop()
            for node in self.cluster.nodes:
                self.cluster.start(node, Sizes())
            ready = all(comes(lambda n=node: answers(n) and node_is_ready(n), 30) for node in self.cluster.nodes)
            self.hold(ready, "all regions open theirs and take writes")
            self.hold(comes(lambda: agreed(self.cluster.nodes), 20), "and agree")
            for node in self.cluster.nodes:
                self.compare(node, "with the others")
            self.goes_on()
        finally:
            self.cluster.end()

    def compare(self, node: Node, when: str) -> None:
        """Everything that was told of this region."""
        wanted, found = self.told[node.name], json.loads(json.dumps(seen(node)))
        for what, right in wanted.items():
            now = known(right, found.get(what)) if what == "tables" else found.get(what)
            told = "" if now == right else differing(right, now)
            self.hold(now == right, f"{node.name} {when}: {what} as {self.name} had it{told}")
        self.hold(takes(node, self.told["session"]), f"{node.name} {when}: takes the session token of then")

    def goes_on(self) -> None:
        """New writes over old records."""
        for node in self.cluster.nodes:
            door(node).incr("counter")
            door(node).sadd("set", f"new in {node.name}")
        right = int(self.told[self.cluster.nodes[0].name]["contents"]["counter"][0]) + len(self.cluster.nodes)
        counted = all(comes(lambda n=node: door(n).get("counter") == str(right)) for node in self.cluster.nodes)
        self.hold(counted, f"counters go on from there, to {right}")
        self.hold(comes(lambda: agreed(self.cluster.nodes), 20), "regions are equal afterwards")
        alarms = [node.region.status()["counters"]["alarms"] for node in self.cluster.nodes]
        self.hold(not any(alarms), "nobody raised an alarm")
        said = [line for node in self.cluster.nodes for line in node.complaints()]
        self.hold(not said, f"and no log has an error {said[:1] or ''}".rstrip())

    def hold(self, held: bool, claim: str) -> bool:
        self.checks.hold(held, claim)
        return held


def seen(node: Node) -> dict[str, Any]:
    """What of a region must be the same for ever."""
    status = node.region.status()
    tables = asked(f"{url(node)}/v1/tables")["tables"]
    return {
        "digest": status["digest"],
        "keys": status["keys"],
        "vector": status["applied"],
        "replica": status["replica"],
        "contents": {key: short(value) for key, value in contents(node).items()},
        "siblings": {key: door(node).execute_command("SIBLINGS", key) for key in SIBLINGS},
        "conflicts": losses(node),
        "tables": {table["name"]: {"version": table["version"], "policy": table["policy"]} for table in tables},
        "regions": sorted(region["name"] for region in asked(f"{url(node)}/v1/regions")["regions"]),
        "expiry": door(node).execute_command("PEXPIRETIME", "mortal"),
    }


def short(value: Any) -> Any:
    """A long text by its length and hash."""
    if isinstance(value, tuple | list):
        return [short(each) for each in value]
    if isinstance(value, str) and len(value) > 200:
        return f"{len(value)} characters, SHA-256 {hashlib.sha256(value.encode()).hexdigest()}"
    return value


def losses(node: Node) -> list[Any]:
    """Of the tables whose ledger is kept for good."""
    found = []
    for table in (LEDGER, JSON):
        for loss in asked(f"{url(node)}/v1/conflicts?table={table}&limit=1000")["conflicts"]:
            found.append([loss["id"], loss["rule"], loss["key"], loss["winner"]["value"], loss["loser"]["value"]])
    return sorted(found, key=str)


def known(right: Any, found: Any) -> Any:
    """Without members that the release of then did not have."""
    if isinstance(right, dict) and isinstance(found, dict):
        return {name: known(right[name], value) for name, value in found.items() if name in right}
    return found


def differing(right: Any, found: Any) -> str:
    if isinstance(right, dict) and isinstance(found, dict):
        keys = [key for key in right.keys() | found.keys() if right.get(key) != found.get(key)]
        return f": {[(key, right.get(key), found.get(key)) for key in sorted(keys)[:3]]}"
    return f": {str(right)[:200]} and now {str(found)[:200]}"


def door(node: Node) -> redis.Redis:
    return redis.Redis(port=node.region.resp_port, decode_responses=True, socket_timeout=20)


def answers(node: Node) -> bool:
    try:
        return bool(node.region.status())
    except OSError:
        return False


def node_is_ready(node: Node) -> bool:
    return bool(node.region.status()["takes_writes"])


def agreed(nodes: list[Node]) -> bool:
    """All have heard everything; who may not have one table differs from the others, and is compared by them."""
    states = {node.name: node.region.status() for node in nodes}
    holders = {name: states[name] for name in ("eu-west", "us-east")}
    vectors = {str(state["applied"]) for state in states.values()}
    return len(vectors) == 1 and equal(holders) and all(quiet(state) for state in states.values())


# Making one.


def make(binary: str, name: str, home: Path) -> None:
    """A world with something of every format, ended: one node in order, two with SIGKILL."""
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    template(binary, home, TABLES)
    world = Cluster(binary, home)
    try:
        begin(world, alone=False)
        together(world)
        wait(lambda: agreed(world.nodes), "the regions agree")
        for node in world.nodes:
            node.stop()
        begin(world, alone=True)
        apart(world)
        for node in world.nodes:
            node.hear_others()
        wait(lambda: agreed(world.nodes), "the regions agree again")
        after(world)
        wait(lambda: agreed(world.nodes), "and once more")
        told: dict[str, Any] = {node.name: seen(node) for node in world.nodes}
        told["session"] = session(world.nodes[0])
        world.nodes[0].stop()
        for node in world.nodes[1:]:
            node.kill()
    finally:
        world.end()
    GOLDEN.mkdir(exist_ok=True)
    (GOLDEN / f"{name}.json").write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    pack(home, GOLDEN / f"{name}.tar.xz")


def begin(world: Cluster, alone: bool) -> None:
    for node in world.nodes:
        # Small, so that records are written and segments are begun.
        world.start(node, Sizes(1, 1, 1), alone=alone)
    for node in world.nodes:
        wait(lambda n=node: answers(n) and node_is_ready(n), f"{node.name} takes writes")


def together(world: Cluster) -> None:
    """Writes that know of each other."""
    for at, node in enumerate(world.nodes):
        client = door(node)
        for number in range(40):
            client.set(f"text:{node.name}:{number}", f"value {number} " * (1 + number % 5))
        client.set(f"large:{node.name}", "abcdefghij" * 30_000)
        client.incrby("counter", 100 + at)
        client.incrbyfloat("float", 0.5)
        client.hset("hash", mapping={f"field {k} of {node.name}": f"is {k}" for k in range(10)})
        client.sadd("set", *(f"member {k} of {node.name}" for k in range(10)))
        client.zadd("sorted", {f"member {k} of {node.name}": k / 8 for k in range(10)})
        client.set(f"gone:{node.name}", "1")
    for node in world.nodes:
        door(node).delete(f"gone:{node.name}")
    first = door(world.nodes[0])
    first.set("mortal", "later", pxat=4_000_000_000_000)
    with first.pipeline(transaction=True) as both:
        both.set("one", "1").set("other", "2").execute()
    holder = world.named("us-east")
    for number in range(5):
        door(holder).set(f"{PLACED}:{number}", f"only here and there {number}")


def apart(world: Cluster) -> None:
    """Writes that do not know of each other: nobody hears anybody."""
    for at, node in enumerate(world.nodes):
        client = door(node)
        client.incrby("counter", 7 * (at + 1))
        client.set(f"{LEDGER}:one", f"written in {node.name}")
        client.set(f"{JSON}:order", json.dumps({"items": [{"sku": node.name, "n": at}], "qty": at, "by": node.name}))
        client.sadd("set", f"apart in {node.name}")
        client.srem("set", "member 1 of us-east") if at == 0 else None
        client.set("string or hash", "text") if at else client.hset("string or hash", "a", "1")
        client.expire("text:us-east:1", 3_000_000_000 + at)
        client.zadd("sorted", {"contested": at})


def after(world: Cluster) -> None:
    """What replaces or stands beside something."""
    for node in world.nodes:
        client = door(node)
        client.execute_command("RESOLVE", f"{SIDE_BY_SIDE}:cart", "-", f"cart of {node.name}")
    client = door(world.nodes[0])
    client.set("text:us-east:0", "written over")
    client.hdel("hash", "field 3 of us-east")
    client.zrem("sorted", "member 2 of us-east")


def wait(true: Any, what: str) -> None:
    if not comes(true, 30):
        raise RuntimeError(f"not in time: {what}")


def pack(home: Path, archive: Path) -> None:
    """The data directories alone, in an order of their own, with no times and owners."""

    def bare(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.mtime, info.uid, info.gid, info.uname, info.gname, info.mode = 0, 0, 0, "", "", 0o644
        return info

    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for path in sorted(path for path in home.glob("*/data/**/*") if path.is_file()):
            packed.add(path, path.relative_to(home).as_posix(), filter=bare)


def unpack(archive: Path, home: Path) -> None:
    """With holes where there are zeros: files are made longer ahead of what is written."""
    with tarfile.open(archive, "r:xz") as packed:
        for info in packed:
            at = home / info.name
            assert at.resolve().is_relative_to(home.resolve()), "inside of the directory"
            at.parent.mkdir(parents=True, exist_ok=True)
            source = packed.extractfile(info)
            with at.open("wb") as file:
                while block := source.read(1 << 16):
                    file.seek(len(block), 1) if not any(block) else file.write(block)
                file.truncate(info.size)


SIBLINGS = [f"{SIDE_BY_SIDE}:cart"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, metavar="FILE", help="the lightcone that writes")
    parser.add_argument("--name", required=True, help="of the pair")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="made anew")
    options = parser.parse_args()
    cluster.BASES = list(range(9400, 9500, 20))
    began = time.monotonic()
    make(options.binary, options.name, options.data.resolve())
    size = (GOLDEN / f"{options.name}.tar.xz").stat().st_size
    print(f"{options.name}: {size} bytes, {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
