"""Three regions whose journals are small, what was written in each, and what became of it."""

import json
import shutil
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from book import SHARED_COUNTERS, Book
from checks import Checks
from cluster import Cluster, Node, Sizes, copy_of, spare_ports
from commands import Lightcone
from settling import settled

MIB = 1 << 20
SIZES = Sizes(1, 1, 64)
RETAIN_BYTES = MIB


class Scene:
    """A world of its own, made from the template."""

    def __init__(self, binary: str, home: Path, template_home: Path, checks: Checks, seed: int) -> None:
        self.binary, self.home, self.checks, self.seed = binary, home, checks, seed
        self.lightcone = Lightcone(binary)
        self.cluster = copy_of(template_home, home, binary)
        self.links = Links(self.cluster.nodes)
        self.books: list[Book] = []
        self.renewed: list[str] = []
        for node in self.cluster.nodes:
            self.tune(node)

    @property
    def nodes(self) -> list[Node]:
        return self.cluster.nodes

    def tune(self, node: Node, retain_bytes: int = RETAIN_BYTES) -> None:
        """From now on it has a small journal, and its links are as they were said to be."""
        usual = Node.settings

        def settings(sizes: Sizes, peers: list[Node], alone: bool) -> dict[str, Any]:
            told = usual(node, sizes, peers, alone)
            told["storage"] |= {"journal_truncate": True, "journal_retain_bytes": retain_bytes, "disk_reserve_bytes": 0}
            told["emulation"] = self.links.of(node)
            return told

        node.settings = settings

    # Lives.

    def begin(self, *some: Node) -> None:
        """All nodes, or some of them."""
        for node in some or self.nodes:
            self.cluster.start(node, SIZES)
        for node in some or self.nodes:
            self.ready(node)

    def start(self, node: Node) -> None:
        self.cluster.start(node, SIZES)
        self.ready(node)

    def ready(self, node: Node) -> None:
        try:
            self.wait(lambda: status(node)["takes_writes"], f"{node.name} takes writes", 30, tell=False)
        except RuntimeError as error:
            told = status(node)
            raise RuntimeError(f"{error}: {told['trouble']} {told['control_plane']}") from error

    def renew(self, node: Node, by: Node) -> None:
        """Removes the data of a node that is stopped, and lets it begin anew under its id."""
        shutil.rmtree(node.data)
        self.renewed.append(node.name)
        self.decided("region", "renew-node", str(node.number), "--at", url(by))

    def replace(self, node: Node, by: Node) -> Node:
        """Removes a node that is stopped from the cluster, and invites its region anew; not started."""
        shutil.rmtree(node.data)
        self.decided("region", "remove-node", str(node.number), "--at", url(by))
        self.nodes.remove(node)
        return self.join(node.name)

    def decided(self, *words: str) -> Any:
        """What the catalogue decides; a cluster that has just lost its leader decides nothing for a moment."""
        deadline = time.monotonic() + 40
        while True:
            code, told, error = self.lightcone.json(*words)
            if code == 0:
                return told
            if time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(words)}: {error}")
            time.sleep(0.3)

    def join(self, name: str) -> Node:
        """A region that is invited, and has its place; not started."""
        home, ports = self.home / f"{name}-joined", spare_ports(3)
        token = self.decided("region", "invite", name, "--at", url(self.nodes[0]))["token"]
        doors = ["--resp", f"127.0.0.1:{ports[0]}", "--http", f"127.0.0.1:{ports[1]}"]
        link = ["--link-address", f"127.0.0.1:{ports[2]}"]
        words = ["--to", url(self.nodes[0]), "--token", token, "--data", str(home)]
        code, _, error = self.lightcone.text("join", *words, *link, *doors)
        self.hold(code == 0, f"{name} joins {error.strip()}")
        node = Joined(self.binary, home, (ports[0], ports[1], ports[2]))
        self.cluster.nodes.append(node)
        return node

    def end(self) -> None:
        for book in self.books:
            book.stopping.set()
        for book in self.books:
            book.rest()
        self.cluster.end()

    # Writing.

    def book(self, node: Node, resets: bool = True, part: str = "") -> Book:
        book = Book(node, self.seed, resets, part)
        self.books.append(book)
        return book

    def outgrow(self, books: list[Book], seconds: float = 40) -> None:
        """Writes until every journal has dropped what was written since we began, and more."""
        ends = {book.name: position(book.node) for book in books}
        deadline = time.monotonic() + seconds
        left = books
        while left and time.monotonic() < deadline:
            for book in left:
                book.write(1000)
            left = [book for book in books if dropped(book.node) <= ends[book.name] + MIB]
        told = ", ".join(f"{book.name} {dropped(book.node) / MIB:.1f} MiB" for book in books)
        self.hold(not left, f"journals have dropped what the absent lack: {told}")

    # Claims.

    def hold(self, held: bool, claim: str) -> bool:
        self.checks.hold(held, claim)
        return held

    def wait(self, until: Callable[[], Any], what: str, seconds: float, tell: bool = True) -> None:
        """Claims that something becomes true in time. What is not worth telling must be true for the story to go on."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if until():
                    if tell:
                        self.hold(True, what)
                    return
            except (OSError, redis.RedisError):
                pass
            for node in self.nodes:
                if node.ended_by_itself():
                    raise RuntimeError(node.ended_by_itself())
            time.sleep(0.03)
        if not tell:
            raise RuntimeError(f"not within {seconds:g} s: {what}")
        self.hold(False, f"{what} within {seconds:g} s")

    def ends_equal(self, what: str, seconds: float = 60, quietly: bool = True) -> None:
        """Everybody rests; then all regions have the same, every key is what it must be, and nobody complains (`quietly`)."""
        for book in self.books:
            book.rest()
        began = time.monotonic()
        equal, how = settled([node.region for node in self.nodes], seconds)
        told = "" if equal else how
        self.hold(equal, f"{what}: all regions equal {time.monotonic() - began:.1f} s after the last write {told}")
        for node in self.nodes:
            wrong = [each for book in self.books for each in book.wrong(node)] + self.shared_wrong(node)
            keys, refused = sum(book.keys() for book in self.books), sum(book.refused for book in self.books)
            told = f"{len(wrong)}: {wrong[:4]}" if wrong else ""
            self.hold(not wrong, f"{what}: {node.name} has all {keys} keys as they were written ({refused} in doubt) {told}")
        if quietly:
            self.nobody_complains(what)

    def shared_wrong(self, node: Node) -> list[str]:
        """Counters that all increment are the sum of what was acknowledged."""
        if any(key.startswith("shared:") for book in self.books for key in book.doubtful):
            return []
        client = redis.Redis(port=node.region.resp_port, decode_responses=True, socket_timeout=30)
        keys = [f"shared:{number}" for number in range(SHARED_COUNTERS)]
        wanted = {key: sum(book.shared[key] for book in self.books) for key in keys}
        found = {key: int(there or 0) for key, there in zip(keys, client.mget(keys), strict=True)}
        return [f"{key} is {found[key]} and not {wanted[key]}" for key in keys if found[key] != wanted[key]]

    def nobody_complains(self, what: str) -> None:
        """But one that was renewed: it noticed that others knew writes of its name, which it lacked."""
        found = []
        for node in [node for node in self.nodes if node.running]:
            told = status(node)
            if told["counters"]["alarms"] > self.renewed.count(node.name) or told["trouble"] or not told["takes_writes"]:
                found.append(f"{node.name}: {told['counters']['alarms']} alarms, {told['trouble']}")
            found += [f"{node.name} logged {line}" for line in node.complaints()]
        self.hold(not found, f"{what}: no alarm, no trouble, nothing logged {found[:3] if found else ''}")


class Joined(Node):
    """A region whose configuration `lightcone join` wrote."""

    def settings(self, sizes: Sizes, peers: list[Node], alone: bool) -> dict[str, Any]:
        storage = {"dirty_bytes_max": sizes.dirty_mib << 20, "journal_segment_bytes": sizes.segment_mib << 20}
        return {**self.usual, "storage": storage | {"journal_retain_bytes": RETAIN_BYTES, "disk_reserve_bytes": 0}}


class Links:
    """How far apart regions are; a node that starts later begins with it."""

    def __init__(self, nodes: list[Node]) -> None:
        self.told = {node.number: {link["peer"]: dict(link) for link in node.usual["emulation"]} for node in nodes}

    def of(self, node: Node) -> list[dict[str, Any]]:
        return list(self.told[node.number].values())

    def cut(self, one: Node, other: Node, cut: bool = True) -> None:
        """Nothing gets through, either way."""
        self.change(one, other, cut=cut)
        self.change(other, one, cut=cut)

    def change(self, sender: Node, receiver: Node, **what: Any) -> None:
        link = self.told[sender.number].setdefault(receiver.number, {"peer": receiver.number})
        link.update(what)
        if sender.running:
            self.send(sender)

    def send(self, node: Node) -> None:
        body = json.dumps({"links": self.of(node)}).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{url(node)}/emulation", data=body, headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=10):
            pass


def status(node: Node) -> dict[str, Any]:
    return node.region.status()


def url(node: Node) -> str:
    return f"http://127.0.0.1:{node.region.http_port}"


def dropped(node: Node) -> int:
    return int(status(node)["journal"]["dropped_bytes"])


def position(node: Node) -> int:
    """How many bytes of journal it has ever had."""
    told = status(node)
    return int(told["journal"]["dropped_bytes"]) + int(told["journal_bytes"])


def entries(node: Node) -> int:
    """How many entries it has decided and got in this life."""
    told = status(node)["counters"]
    return int(told["entries_applied"]) + int(told["entries_decided"])


def wire_bytes(node: Node) -> int:
    """All that went through its links since it started, as datagrams, both ways."""
    return sum(peer["wire_received_bytes"] + peer["wire_sent_bytes"] for peer in status(node)["peers"])
