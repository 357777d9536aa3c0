"""What nodes of two programs do together when nothing else is under way."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

import dials
from checks import Checks
from cluster import Cluster, Node
from commands import Lightcone
from rolling import Program
from wire import Wire


class Mixture:
    """A cluster whose nodes may run two programs, and both programs' command lines."""

    def __init__(self, cluster: Cluster, programs: list[Program], checks: Checks) -> None:
        self.cluster, self.programs, self.checks = cluster, programs, checks
        self.number = 0

    def look(self, when: str, may_write_new: bool = True) -> None:
        """`may_write_new`: nobody goes back from here, so what only the new program knows may be asked for."""
        self.number += 1
        self.both_ways(when)
        self.catalogue(when)
        if may_write_new:
            self.widened(when)
        self.sessions(when)
        self.tools(when)

    def both_ways(self, when: str) -> None:
        """A write in each region is read in each other."""
        missing = []
        for node in self.cluster.nodes:
            Wire(node.region.resp_port).ask("SET", f"both:{node.name}", f"{self.number}")
        for node in self.cluster.nodes:
            wire = Wire(node.region.resp_port)
            for other in self.cluster.nodes:
                key = f"both:{other.name}"
                if not comes(lambda wire=wire, key=key: wire.ask("GET", key).reply == f"{self.number}"):
                    missing.append(f"{other.name} -> {node.name}")
            wire.close()
        self.checks.hold(not missing, f"{when}: writes of each region arrive in each {missing or ''}".rstrip())

    def catalogue(self, when: str) -> None:
        """A table is declared at one node, changed at the next and dropped at the third, by both programs in turn."""
        name, nodes = f"made{self.number}", self.cluster.nodes
        first, second = self.programs if self.number % 2 else reversed(self.programs)
        changes = [
            (nodes[self.number % 3], first, ["table", "create", name, "--merge", "siblings"], 1),
            (nodes[(self.number + 1) % 3], second, ["table", "alter", name, "--ack", "majority"], 2),
        ]
        for node, program, words, version in changes:
            code, error = decided(program, node, words)
            seen = [other.name for other in nodes if comes(lambda o=other, v=version: version_of(o, name) == v)]
            told = f"{when}: `{' '.join(words[:2])}` of the {program.name} program at {node.name} reaches all regions"
            self.checks.hold(code == 0 and len(seen) == len(nodes), f"{told} {error}".rstrip())
        code, error = decided(first, nodes[(self.number + 2) % 3], ["table", "drop", name])
        gone = all(comes(lambda o=other: version_of(o, name) is None) for other in nodes)
        self.checks.hold(code == 0 and gone, f"{when}: a table is dropped {error}".rstrip())
        versions = {node.name: node.region.status()["control_plane"]["catalogue_version"] for node in nodes}
        self.checks.hold(len(set(versions.values())) == 1, f"{when}: one catalogue everywhere: {versions}")

    def widened(self, when: str) -> None:
        """A table that is to lie in one more region: releases may know that or not, but all nodes must say the same of it."""
        name = f"wider{self.number}"
        first, second = dials.HOLDERS
        code, error = decided(self.programs[1], self.cluster.nodes[0], ["table", "create", name, "--placement", first])
        known = all(comes(lambda n=node: version_of(n, name) == 1) for node in self.cluster.nodes)
        self.checks.hold(code == 0 and known, f"{when}: a table is placed in one region {error}".rstrip())
        words = ["table", "alter", name, "--placement", f"{first},{second}"]
        at = self.cluster.nodes[self.number % 3]
        code, _, error = Lightcone(self.programs[1].binary).text(*words, "--at", url(at))
        told = error.strip().splitlines()[:1]
        lies = [first] if code else [first, second]
        same = comes(lambda: all(placement_of(node, name) == sorted(lies) for node in self.cluster.nodes))
        found = {node.name: placement_of(node, name) for node in self.cluster.nodes}
        done = f"is refused in all regions: {told[0][:160] if told else ''}" if code else "arrives there"
        self.checks.hold(same, f"{when}: widening a placement {done}" + ("" if same else f" {found}"))
        versions = {node.name: node.region.status()["control_plane"]["catalogue_version"] for node in self.cluster.nodes}
        self.checks.hold(len(set(versions.values())) == 1, f"{when}: and still one catalogue: {versions}")

    def sessions(self, when: str) -> None:
        """What one node signs, every other takes."""
        refused = []
        for node in self.cluster.nodes:
            token = session(node)
            refused += [f"{node.name} -> {other.name}" for other in self.cluster.nodes if not takes(other, token)]
        self.checks.hold(not refused, f"{when}: each node takes each other's session tokens {refused or ''}".rstrip())

    def tools(self, when: str) -> None:
        """Both programs' command lines understand both programs' nodes."""
        failed = []
        for program in self.programs:
            for node in self.cluster.nodes:
                for words in (["status"], ["table", "list"], ["region", "list"]):
                    code, _, error = Lightcone(program.binary).json(*words, "--at", url(node))
                    failed += [f"{program.name} {' '.join(words)} at {node.name}: {error}"] if code else []
        self.checks.hold(not failed, f"{when}: both command lines speak with every node {failed[:1] or ''}".rstrip())


def decided(program: Program, node: Node, words: list[str]) -> tuple[int, str]:
    """A cluster whose leader has just been stopped decides nothing for a moment."""
    deadline = time.monotonic() + 20
    while True:
        code, _, error = Lightcone(program.binary).text(*words, "--at", url(node))
        if code == 0 or time.monotonic() > deadline:
            return code, error.strip()
        time.sleep(0.2)


def comes(true: Any, patience_s: float = 10) -> bool:
    deadline = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def version_of(node: Node, table: str) -> int | None:
    try:
        return int(asked(f"{url(node)}/v1/tables/{table}")["version"])
    except urllib.error.HTTPError:
        return None


def placement_of(node: Node, table: str) -> list[str]:
    """Where it lies, by this node."""
    return sorted(asked(f"{url(node)}/v1/tables/{table}")["policy"]["placement"])


def session(node: Node) -> str:
    with urllib.request.urlopen(urllib.request.Request(f"{url(node)}/v1/sessions", method="POST"), timeout=10) as answer:
        return str(json.load(answer)["session"])


def takes(node: Node, token: str) -> bool:
    """Whether a read that waits for what the session saw is answered: nothing stands there."""
    request = urllib.request.Request(f"{url(node)}/v1/tables/default/records/none", headers={"Lightcone-Session": token})
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except urllib.error.HTTPError as error:
        return bool(json.load(error)["code"] == "no_such_record")
    return False


def asked(where: str) -> Any:
    with urllib.request.urlopen(where, timeout=10) as answer:
        return json.load(answer)


def url(node: Node) -> str:
    return f"http://127.0.0.1:{node.region.http_port}"
