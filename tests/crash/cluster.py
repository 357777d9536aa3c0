"""Three regions as processes of our own: each can be killed, and started again on what it left."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spare import Program, is_free
from world import Region


@dataclass(frozen=True)
class Sizes:
    """Settings that decide when a node writes what: drawn anew at each start."""

    dirty_mib: int = 32
    segment_mib: int = 64
    cache_mib: int = 64

    @staticmethod
    def drawn(choice: random.Random) -> "Sizes":
        """Small more often than large: records are written, and segments begun, while it is killed."""
        return Sizes(choice.choice([1, 1, 2, 32]), choice.choice([1, 2, 64]), choice.choice([1, 64]))


class Node:
    """A region's server."""

    def __init__(self, binary: str, home: Path, ports: tuple[int, int, int]) -> None:
        self.binary, self.home = binary, home
        self.usual = tomllib.loads((home / "node.toml").read_text())
        self.name: str = self.usual["region"]
        self.number: int = self.usual["node_id"]
        self.region = Region(self.name, ports[0], ports[1])
        self.link_port = ports[2]
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.log_read = 0

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "node.log"

    @property
    def running(self) -> bool:
        """Whether it was started and nobody ended it since, as far as we know."""
        return self.process is not None

    def start(self, sizes: Sizes, peers: list["Node"], alone: bool) -> None:
        """Begins a life; `alone`: it can reach nobody, and nobody it, until `hear_others`."""
        assert self.process is None, "one life at a time"
        (self.home / "node.toml").write_text(toml(self.settings(sizes, peers, alone)))
        with self.log.open("ab") as log:
            self.started_at = time.monotonic()
            # The server ends by itself if we are gone.
            self.process = subprocess.Popen(
                [self.binary, "server", "--config", str(self.home / "node.toml"), "--exit-with-stdin"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )

    def settings(self, sizes: Sizes, peers: list["Node"], alone: bool) -> dict[str, Any]:
        """The file that `lightcone dev` wrote, with our ports and sizes."""
        told = dict(self.usual)
        told["resp"] = {"listen": f"127.0.0.1:{self.region.resp_port}"}
        told["http"] = {"listen": f"127.0.0.1:{self.region.http_port}"}
        told["link"] = {**self.usual["link"], "listen": f"127.0.0.1:{self.link_port}"}
        ports = {peer.number: peer.link_port for peer in peers}
        told["peers"] = [{**peer, "address": f"127.0.0.1:{ports[peer['node_id']]}"} for peer in self.usual["peers"]]
        told["emulation"] = [{**link, "cut": alone} for link in self.usual["emulation"]]
        told["storage"] = {
            "dirty_bytes_max": sizes.dirty_mib << 20,
            "journal_segment_bytes": sizes.segment_mib << 20,
            "cache_bytes": sizes.cache_mib << 20,
        }
        told["log"] = {"filter": "info,openraft=warn"}
        return told

    def kill(self) -> None:
        """SIGKILL for the process that we started, and for no other."""
        self.process.kill()
        self.gone()

    def ask_to_stop(self) -> None:
        """SIGTERM: it begins to stop in order."""
        self.process.terminate()

    def stop(self) -> None:
        """Stops in order, and waits until it has."""
        self.ask_to_stop()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.gone()

    def gone(self) -> None:
        self.process.wait()
        self.process.stdin.close()
        self.process = None

    def ended_by_itself(self) -> str:
        """Why it is dead although nobody killed it; empty if it is not."""
        if self.process is None or self.process.poll() is None:
            return ""
        return f"{self.name} ended by itself with {self.process.returncode}: {self.last_words()}"

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return " | ".join(lines[-3:])

    def complaints(self) -> list[str]:
        """Errors and panics in its log since the last time we looked, also of lives that were ended since."""
        with self.log.open("rb") as log:
            log.seek(self.log_read)
            new = log.read()
        self.log_read += len(new)
        return [text for text in new.decode(errors="replace").splitlines() if " ERROR " in text or "panicked at" in text]

    def hear_others(self) -> None:
        """The links are as far as usual from now on."""
        body = json.dumps({"links": self.usual["emulation"]}).encode()
        url = f"http://127.0.0.1:{self.region.http_port}/emulation"
        request = urllib.request.Request(url, data=body, headers={"content-type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=10):
            pass


@dataclass
class Cluster:
    """All regions of one world."""

    binary: str
    home: Path
    nodes: list[Node] = field(init=False)

    def __post_init__(self) -> None:
        homes = sorted(path.parent for path in self.home.glob("*/node.toml"))
        ports = spare_ports(3 * len(homes))
        self.nodes = [Node(self.binary, home, tuple(ports[3 * k : 3 * k + 3])) for k, home in enumerate(homes)]

    def start(self, node: Node, sizes: Sizes, alone: bool = False) -> None:
        node.start(sizes, self.nodes, alone)

    def named(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def others(self, *without: Node) -> list[Node]:
        return [node for node in self.nodes if node not in without]

    def end(self) -> None:
        """Kills what still runs; nobody looks at it any more."""
        for node in self.nodes:
            if node.running:
                node.kill()


def template(binary: str, home: Path, tables: list[list[str]]) -> None:
    """Certificates, configurations and a catalogue with tables, made by a dev world that ends at once."""
    ports = spare_ports(7)
    bases = ["--control-port", str(ports[0]), "--resp-base", str(ports[1]), "--http-base", str(ports[4])]
    command = [binary, "dev", "--data", str(home), *bases, "--rtt-scale", str(RTT_SCALE)]
    log = home.with_suffix(".log")
    with Program(log, *command) as dev:
        if not dev.says("ready", 60):
            raise RuntimeError(f"the world does not start: {log.read_text()}")
        for table in tables:
            declare(binary, ports[4], table)
        wait_for_tables(ports[4:7], [table[0] for table in tables])


def declare(binary: str, http_port: int, table: list[str]) -> None:
    """A cluster that has just begun has nobody yet who can decide it, so it is tried for a while."""
    command = [binary, "table", "create", *table, "--at", f"http://127.0.0.1:{http_port}"]
    deadline = time.monotonic() + 20
    while True:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        time.sleep(0.1)


def wait_for_tables(http_ports: list[int], names: list[str]) -> None:
    """Until every region knows them."""
    for port in http_ports:
        for name in names:
            deadline = time.monotonic() + 20
            while not answers(f"http://127.0.0.1:{port}/v1/tables/{name}"):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the table {name} does not reach every region")
                time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10):
            return True
    except OSError:
        return False


def copy_of(template_home: Path, home: Path, binary: str) -> Cluster:
    """A world that begins where the template ended."""
    shutil.copytree(template_home, home)
    for instance in home.rglob("instance"):
        pass_for_the_first(instance.parent)
    return Cluster(binary, home)


def pass_for_the_first(data: Path) -> None:
    """Hides from a node that its data directory is a copy: it would take no writes."""
    instance = data / "instance"
    instance.write_text(instance.read_text().split()[0] + "\n")
    (data / "place").unlink(missing_ok=True)


def spare_ports(count: int) -> list[int]:
    """Neighbours that nobody has at this moment. They lie idle while a node is dead, so they are apart from the ranges
    where other tests look, and another run of this one begins elsewhere."""
    begin = os.getpid() % len(BASES)
    for base in [*BASES[begin:], *BASES[:begin]]:
        if base not in TAKEN and all(is_free(base + k) for k in range(count)):
            TAKEN.add(base)
            return list(range(base, base + count))
    sys.exit("no spare ports")


def toml(settings: dict[str, Any]) -> str:
    """Plain values first, then sections, then lists of sections."""
    plain = [line(name, value) for name, value in settings.items() if not isinstance(value, dict | list)]
    sections = [(f"[{name}]", value) for name, value in settings.items() if isinstance(value, dict)]
    lists = [(f"[[{name}]]", each) for name, value in settings.items() if isinstance(value, list) for each in value]
    for title, values in sections + lists:
        plain += ["", title, *(line(name, value) for name, value in values.items())]
    return "\n".join(plain) + "\n"


def line(name: str, value: Any) -> str:
    # JSON and TOML write text, numbers and truth alike.
    return f"{name} = {json.dumps(value)}"


# Far enough that a region dies with writes that nobody else has, near enough that a round is short.
RTT_SCALE = 0.1
# The first of each twenty ports. Below what `cargo xtask` takes for worlds.
BASES = list(range(14_000, 17_000, 20))
TAKEN: set[int] = set()
