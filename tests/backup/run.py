"""A region is backed up while three regions are written to, an increment follows, and a cluster of other regions is made of both.

It has the same vector, digest and keys as the source had, and takes writes. What is damaged, interrupted or in the way is refused."""

import argparse
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
# What the stories about crashes and presets share with this: a cluster of our own, spare ports.
sys.path[:0] = [str(TESTS), str(TESTS / "crash"), str(TESTS / "presets")]

import redis
from checks import Checks
from cluster import Cluster, Node, Sizes, answers, spare_ports, template
from commands import Lightcone
from contents import contents
from settling import settled
from spare import Program
from world import Region
from writers import Writers

REGION, RESTRICTED_TO = "eu-west", ["us-east"]
MARK = "zq7-nowhere-else-8xk"
NEW_REGIONS, LATER = ["sa-east", "uk-south"], "fr-central"
TABLES = [["cart", "--merge", "siblings"], ["secret", "--placement", ",".join(RESTRICTED_TO)]]


class Story:
    """Source, backups, and what is made of them."""

    def __init__(self, binary: str, home: Path, checks: Checks) -> None:
        self.home, self.hold, self.backups = home, checks.hold, home / "backups"
        self.lightcone = Lightcone(binary)
        template(binary, home / "source", TABLES)
        self.source = Cluster(binary, home / "source")
        self.node = self.source.named(REGION)
        self.clusters = [self.source]

    def tell(self) -> None:
        begin(self.source)
        self.placed_elsewhere()
        self.interrupted()
        self.taken_under_load()
        end = self.increment()
        self.damaged()
        self.restored(end)

    def backup(self, *words: str, to: Path | None = None) -> tuple[int, Any, str]:
        url = f"http://127.0.0.1:{self.node.region.http_port}"
        return self.lightcone.json("backup", "--region", REGION, "--at", url, "--to", str(to or self.backups), *words)

    def placed_elsewhere(self) -> None:
        """A table of one region is in that region's backup, and in a directory made of it only if that is asked for."""
        holder = self.source.named(RESTRICTED_TO[0])
        for number in range(50):
            redis.Redis(port=holder.region.resp_port).set(f"secret:{number}", MARK)
            redis.Redis(port=holder.region.resp_port).set(f"plain:{number}", "no mark")
        settled([node.region for node in self.source.nodes], 30)
        at = {node.name: self.home / f"first-{node.name}" for node in (holder, self.node)}
        for node in (holder, self.node):
            url = f"http://127.0.0.1:{node.region.http_port}"
            code, _, error = self.lightcone.json("backup", "--region", node.name, "--at", url, "--to", str(at[node.name]))
            self.hold(code == 0, f"{node.name} is backed up {error.strip()}")
        self.hold(holds(at[holder.name], MARK), "what only one region may have is in its backup")
        self.hold(not holds(at[REGION], MARK) and holds(at[REGION], "no mark"), "and not in that of another")
        config, data = self.empty_node("without-secret")
        code, told, error = self.restore(config, at[holder.name])
        left_out = code == 0 and told["left_out"] == ["secret"] and told["keys"] == 50
        self.hold(left_out and not holds(data, MARK), f"another region's node is made without it {error.strip()}")
        config, data = self.empty_node("with-secret")
        code, told, error = self.restore(config, at[holder.name], "--in-place-of", holder.name)
        self.hold(code == 0 and told["keys"] == 100 and holds(data, MARK), f"one in its place with it {error.strip()}")
        config, data = self.empty_node("only-secret")
        code, told, error = self.restore(config, at[holder.name], "--in-place-of", holder.name, "--table", "secret")
        self.hold(code == 0 and told["keys"] == 50, f"and one with nothing else {error.strip()}")

    def interrupted(self) -> None:
        writers = Writers(self.source.nodes, seed=1)
        time.sleep(2)
        writers.stop()
        at, url = self.home / "interrupted", f"http://127.0.0.1:{self.node.region.http_port}"
        words = ["backup", "--region", REGION, "--at", url, "--to", str(at), "--limit-mb-per-s", "0.1"]
        self.lightcone.killed_after(1.5, *words)
        left = sorted(path.name for path in at.iterdir())
        self.hold(left == ["0001.draft"], f"a backup that was killed leaves a draft: {left}")
        code, _, error = self.restore(self.home / "nowhere.toml", at)
        self.hold(code != 0 and "no whole backup" in error, f"it is not restored from: {error.strip()}")
        code, _, error = self.backup()
        self.hold(code != 0 and "is under way" in error, f"elsewhere the node says that one is under way: {error.strip()}")
        told = self.backup(to=at)
        left = sorted(path.name for path in at.iterdir())
        self.hold(told[0] == 0 and left == ["0001"], f"the next one takes its place: {left} {told[2].strip()}")

    def taken_under_load(self) -> None:
        writers = Writers(self.source.nodes, seed=2)
        time.sleep(1)
        before = writers.count()
        code, told, error = self.backup("--limit-mb-per-s", "1")
        during = writers.count() - before
        self.hold(code == 0 and told["kind"] == "full", f"a full backup is taken: {error.strip()}")
        self.hold(during > 20, f"{during} writes went on meanwhile")
        self.hold(told["entries"] > 0, f"it holds {told['rows']} rows and {told['entries']} entries of the journal")
        time.sleep(1)
        code, told, error = self.backup("--incremental")
        self.hold(code == 0 and told["kind"] == "increment", f"an increment under load holds {told['entries']} entries")
        writers.stop()
        code, _, error = self.lightcone.json("backup", "--region", "mars", "--at", self.url(), "--to", str(self.home / "mars"))
        self.hold(code != 0 and "is a node of eu-west" in error, f"another region's is refused: {error.strip()}")

    def url(self) -> str:
        return f"http://127.0.0.1:{self.node.region.http_port}"

    def increment(self) -> dict[str, Any]:
        equal, how = settled([node.region for node in self.source.nodes], 30)
        self.hold(equal, f"the source settles: {how[:200]}")
        code, told, error = self.backup("--incremental")
        self.hold(code == 0 and told["kind"] == "increment" and told["parent"]["name"] == "0002", f"the last increment {error}")
        status = self.node.region.status()
        same = told["end"]["digest"] == status["digest"] and told["end"]["keys"] == status["keys"]
        self.hold(same, f"it ends where the region is: {status['digest']}, {status['keys']} keys")
        return told["end"]

    def restore(self, config: Path, backups: Path, *words: str) -> tuple[int, Any, str]:
        return self.lightcone.json("restore", "--from", str(backups), "--config", str(config), *words)

    def damaged(self) -> None:
        config, data = self.empty_node("for-damaged")
        for number, name in enumerate(["0001", "0002", "0003"]):
            bad = self.home / f"damaged-{name}"
            shutil.copytree(self.backups, bad)
            file = sorted((bad / name).glob("data-*"))[-1]
            data_bytes = bytearray(file.read_bytes())
            data_bytes[len(data_bytes) // 2] ^= 1 << number
            file.write_bytes(data_bytes)
            code, _, error = self.restore(config, bad)
            named = f"{name}/{file.name} is damaged: the record at byte" in error
            untouched = not data.exists() and not list(data.parent.glob("*.draft"))
            self.hold(code != 0 and named and untouched, f"a damaged file is named, and nothing made: {error.strip()}")
        gone = self.home / "gone"
        shutil.copytree(self.backups, gone)
        shutil.rmtree(gone / "0002")
        code, _, error = self.restore(config, gone)
        self.hold(code != 0 and not data.exists(), f"a chain with a gap is refused: {error.strip()}")
        data.mkdir()
        (data / "precious").write_text("mine")
        code, _, error = self.restore(config, self.backups)
        kept = [path.name for path in data.iterdir()] == ["precious"]
        self.hold(code != 0 and "is not empty" in error and kept, f"a directory in use is left alone: {error.strip()}")

    def empty_node(self, name: str) -> tuple[Path, Path]:
        """A configuration whose data directory is not there."""
        home = self.home / name
        shutil.copytree(self.node.home, home, ignore=shutil.ignore_patterns("data", "*.log"))
        config = home / "node.toml"
        config.write_text(config.read_text().replace(str(self.node.data), str(home / "data")))
        return config, home / "data"

    def restored(self, end: dict[str, Any]) -> None:
        self.lightcone.world(self.home / "new", NEW_REGIONS)
        new = Cluster(self.lightcone.binary, self.home / "new")
        self.clusters.append(new)
        for node in new.nodes:
            shutil.rmtree(node.data)
            code, told, error = self.restore(node.home / "node.toml", self.backups, "--json")
            self.hold(code == 0, f"{node.name} is made: {error.strip()}")
            same = told["digest"] == end["digest"] and told["keys"] == end["keys"] and told["vector"] == end["vector"]
            self.hold(same, f"{node.name} has the source's digest, {told['keys']} keys, left out {told['left_out']}")
            self.hold(told["incarnation"] == 1, f"{node.name} has an incarnation that wrote nothing: {told['incarnation']}")
        begin(new)
        for node in new.nodes:
            status = node.region.status()
            same = status["digest"] == end["digest"] and status["keys"] == end["keys"]
            self.hold(same and not status["trouble"], f"{node.name} begins with the source's digest {status['digest']}")
        wanted = contents(self.node)
        for node in new.nodes:
            found = contents(node)
            differing = [key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key)]
            self.hold(not differing, f"{node.name} has all {len(wanted)} keys and values: {differing[:3]}")
        self.tables(new)
        self.goes_on(new)
        self.joins_later(new)

    def tables(self, new: Cluster) -> None:
        url = f"http://127.0.0.1:{new.nodes[0].region.http_port}"
        code, out, error = self.lightcone.text("restore-tables", "--from", str(self.backups), "--at", url)
        told = "table cart: declared" in out and "table secret" in error and "us-east" in error
        self.hold(code != 0 and told, f"tables are declared, and one placed where nobody is, is named: {error.strip()}")
        code, out, _ = self.lightcone.text("table", "show", "cart", "--at", url)
        self.hold(code == 0 and "siblings" in out, "the table has its dials")

    def goes_on(self, new: Cluster) -> None:
        one, other = new.nodes
        writers = Writers(new.nodes, seed=3)
        time.sleep(2)
        writers.stop()
        equal, how = settled([node.region for node in new.nodes], 30)
        self.hold(equal and writers.count() > 20, f"{writers.count()} new writes arrive both ways: {how[:200]}")
        for node in new.nodes:
            status = node.region.status()
            self.hold(status["counters"]["alarms"] == 0, f"{node.name} has no alarm, its replica is {status['replica']}")
            self.hold(self.session_holds(node), f"{node.name} takes its own session's token")
        one.kill()
        new.start(one, Sizes())
        ready([one])
        equal, _ = settled([one.region, other.region], 30)
        self.hold(equal, "a restored node that is killed comes back equal")

    def joins_later(self, new: Cluster) -> None:
        """A third region, invited now: what was restored is in nobody's journal, so it is restored there too."""
        home, ports = self.home / "later", spare_ports(3)
        token = self.invitation(new.nodes[0])
        doors = ["--resp", f"127.0.0.1:{ports[0]}", "--http", f"127.0.0.1:{ports[1]}"]
        link = ["--link-address", f"127.0.0.1:{ports[2]}"]
        url = f"http://127.0.0.1:{new.nodes[0].region.http_port}"
        code, _, error = self.lightcone.json("join", "--to", url, "--token", token, "--data", str(home), *link, *doors)
        self.hold(code == 0, f"{LATER} joins {error.strip()}")
        code, _, error = self.restore(home / "node.toml", self.backups)
        self.hold(code == 0, f"{LATER} is made from the same backup {error.strip()}")
        with Program(self.home / "later.log", self.lightcone.binary, "server", "--config", str(home / "node.toml")):
            region = Region(LATER, ports[0], ports[1])
            deadline = time.monotonic() + 30
            while not answers(f"http://127.0.0.1:{ports[1]}/health") and time.monotonic() < deadline:
                time.sleep(0.1)
            equal, how = settled([*(node.region for node in new.nodes), region], 30)
            self.hold(equal, f"{LATER} has what was restored and what came since: {how[:200]}")

    def invitation(self, node: Node) -> str:
        """A cluster that has just lost a node decides nothing for a moment."""
        url, deadline = f"http://127.0.0.1:{node.region.http_port}", time.monotonic() + 40
        while True:
            code, told, error = self.lightcone.json("region", "invite", LATER, "--at", url)
            if code == 0:
                return str(told["token"])
            if time.monotonic() > deadline:
                raise RuntimeError(f"no invitation: {error}")
            time.sleep(0.5)

    def session_holds(self, node: Node) -> bool:
        return self.lightcone.session_holds(node.region.http_port)


def holds(directory: Path, text: str) -> bool:
    """Whether these bytes are in any file."""
    return any(text.encode() in path.read_bytes() for path in directory.rglob("*") if path.is_file())


def begin(cluster: Cluster) -> None:
    for node in cluster.nodes:
        cluster.start(node, Sizes(1, 1, 1))
    ready(cluster.nodes)


def ready(nodes: list[Node]) -> None:
    deadline = time.monotonic() + 60
    for node in nodes:
        while not takes_writes(node):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{node.name} takes no writes: {node.last_words()}")
            time.sleep(0.1)


def takes_writes(node: Node) -> bool:
    if ended := node.ended_by_itself():
        raise RuntimeError(ended)
    try:
        return bool(node.region.status()["takes_writes"])
    except OSError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="of lightcone")
    parser.add_argument("--data", type=Path, required=True, help="where everything lies; emptied first")
    parser.add_argument("--seconds-max", type=int, default=240, metavar="S", help="give up after this long (240)")
    options = parser.parse_args()
    shutil.rmtree(options.data, ignore_errors=True)
    options.data.mkdir(parents=True)
    checks = Checks()
    # Whoever ends us ends the servers that we started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("out of time"))
    signal.alarm(options.seconds_max)
    story = None
    try:
        story = Story(options.binary, options.data.resolve(), checks)
        story.tell()
    except Exception as error:
        traceback.print_exc(limit=-4, chain=False)
        checks.hold(False, f"broke off: {type(error).__name__}: {error}")
    finally:
        for cluster in story.clusters if story else []:
            cluster.end()
    print(checks.total())
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
