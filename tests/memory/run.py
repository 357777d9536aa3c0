"""Clients that send and never read, stop half-way, ask for too much or just sit there, and a peer behind a slow link: each
costs a bounded part of the server's memory, and the others are served meanwhile.

Real servers with small bounds. What is measured is resident memory, against bounds that an unbounded queue would exceed.
Ends by itself; kills only what it started."""

import argparse
import json
import random
import resource
import shutil
import signal
import sys
import time
import traceback
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
# What the stories about crashes and presets share with this: a cluster of our own, spare ports.
sys.path[:0] = [str(TESTS), str(TESTS / "crash"), str(TESTS / "presets"), str(Path(__file__).parent)]

import redis
from bystander import Bystander
from checks import Checks
from cluster import Cluster, Node, Sizes, template
from resident import Watch
from rude import Rude

MIB = 1 << 20
NEAR, FAR = "us-east", "eu-west"
# Small bounds, so that what goes beyond them shows soon.
SIZES = Sizes(dirty_mib=16, segment_mib=16, cache_mib=16)
BUFFERS_MIB, REPLY_MIB, QUEUE_MIB, PENDING_MIB = 64, 16, 16, 16
CLIENTS_MAX = 1_100
STALL_S = 2
# Allocator, stacks, what several stories leave behind: far above what was measured, far below what a leak would be.
SLACK_MIB = 100
# A bystander's median may be so many times what it is on the idle server: both share this machine's processors.
SLOWER_MAX = 25


class Scene:
    """Two regions with small bounds."""

    def __init__(self, binary: str, home: Path, checks: Checks) -> None:
        self.checks = checks
        template(binary, home / "world", [])
        self.cluster = Cluster(binary, home / "world")
        self.near, self.far = self.cluster.named(NEAR), self.cluster.named(FAR)
        for node in self.cluster.nodes:
            bound(node)
            self.cluster.start(node, SIZES)
        for node in self.cluster.nodes:
            self.wait(lambda node=node: status(node)["takes_writes"], f"{node.name} takes writes", 30)
        self.client().set("bystander", "00000000")
        self.usual_s = {writes: Bystander.usual(self.near.region.resp_port, writes) for writes in (False, True)}
        told = [f"{self.usual_s[writes] * 1e6:.0f} us" for writes in (False, True)]
        print(f"       a bystander usually waits {told[0]} for a read, {told[1]} for a write and a read", flush=True)

    def client(self, node: Node | None = None) -> redis.Redis:
        return redis.Redis(port=(node or self.near).region.resp_port, socket_timeout=30, retry=None)

    def rude(self) -> Rude:
        return Rude(self.near.region.resp_port)

    def watch(self) -> Watch:
        return Watch(self.near.process.pid)

    def bystander(self) -> Bystander:
        return Bystander(self.near.region.resp_port, writes=True)

    def reader(self) -> Bystander:
        """Where others keep the disk busy, whoever writes shares it with them; readers need not notice."""
        return Bystander(self.near.region.resp_port, writes=False)

    def hold(self, held: bool, claim: str) -> None:
        self.checks.hold(held, claim)

    def serves(self, bystander: Bystander, while_what: str) -> None:
        """Claims that somebody who did nothing wrong noticed little."""
        times = bystander.median_s / self.usual_s[bystander.writes]
        self.hold(bystander.failed == "", f"a bystander is served {while_what} {bystander.failed}")
        told = f"{bystander.asked} commands, the median {times:.1f} times the usual"
        self.hold(times < SLOWER_MAX, f"and soon: {told}")

    def stays(self, watch: Watch, bound_mib: int, unbounded_mib: int) -> None:
        """Claims that memory stayed within a bound that is far from what would have been taken without one."""
        assert bound_mib < unbounded_mib, "a bound that would not notice"
        grown = watch.grown_bytes / MIB
        self.hold(grown < bound_mib, f"memory grew by {grown:.0f} MiB at most, below {bound_mib} (unbounded: {unbounded_mib})")

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

    def stopped(self, reason: str) -> int:
        """How many clients were closed or refused something for this reason."""
        return dict(status(self.near)["pressure"]["clients_stopped"])[reason]

    def memory(self, name: str) -> int:
        return status(self.near)["memory"][name]

    def shape(self, node: Node, peer: Node, rate: int | None) -> None:
        """The link from one to the other has this many bytes a second; none: as many as it can."""
        links = [{**link, "one_way_ms": 5.0} for link in node.usual["emulation"] if link["peer"] == peer.number]
        links = [link if rate is None else {**link, "bandwidth_bytes_per_s": rate} for link in links]
        url = f"http://127.0.0.1:{node.region.http_port}/emulation"
        body = json.dumps({"links": links}).encode()
        request = urllib.request.Request(url, data=body, headers={"content-type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=10):
            pass


def bound(node: Node) -> None:
    """From now on the node is configured with small bounds."""
    usual = node.settings

    def settings(sizes: Sizes, peers: list[Node], alone: bool) -> dict[str, Any]:
        told = usual(sizes, peers, alone)
        told["resp"] |= {
            "clients_max": CLIENTS_MAX,
            "stall_timeout_ms": STALL_S * 1000,
            "buffers_bytes_max": BUFFERS_MIB * MIB,
            "request_bytes_max": 16 * MIB,
        }
        told["http"] |= {"bodies_bytes_max": 32 * MIB, "stall_timeout_ms": STALL_S * 1000}
        told["limits"] = {"reply_bytes_max": REPLY_MIB * MIB}
        told["link"] |= {"queue_bytes_max": QUEUE_MIB * MIB, "unread_bytes_max": QUEUE_MIB * MIB}
        told["storage"] |= {"journal_pending_bytes_max": PENDING_MIB * MIB, "journal_tail_bytes": 4 * MIB}
        return told

    node.settings = settings


def status(node: Node) -> dict[str, Any]:
    return node.region.status()


def clients_that_never_read(scene: Scene) -> None:
    """Sixty clients ask for 12 MiB each, again and again, and take nothing."""
    for part in range(12):
        scene.client().set(f"large{part}", noise(MIB, part))
    before = scene.stopped("replies_not_taken")
    ask = b"*13\r\n$4\r\nMGET\r\n" + b"".join(f"${len(f'large{k}')}\r\nlarge{k}\r\n".encode() for k in range(12))
    with scene.watch() as watch, scene.bystander() as bystander:
        deaf = [scene.rude() for _ in range(60)]
        for client in deaf:
            client.send(ask * 20)
        time.sleep(1)
        within = scene.memory("client_buffers_bytes")
        scene.hold(0 < within <= BUFFERS_MIB * MIB, f"status says that {within / MIB:.0f} MiB lie ready for them")
        scene.wait(lambda: scene.stopped("replies_not_taken") > before, "they are closed, and counted", STALL_S + 8)
        scene.hold("replies were not taken" in scene.near.log.read_text(), "the log says why")
    scene.serves(bystander, "meanwhile")
    scene.stays(watch, BUFFERS_MIB + SLACK_MIB, 60 * 12)
    for client in deaf:
        client.close()
    scene.wait(lambda: scene.memory("client_buffers_bytes") == 0, "all of it is given back", 10)


def half_a_huge_value(scene: Scene) -> None:
    """Twenty-six clients announce 8 MB, send 7, and stop."""
    half = b"*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$8000000\r\n" + b"x" * 7_000_000
    with scene.watch() as watch, scene.bystander() as bystander:
        halves = [scene.rude() for _ in range(26)]
        for client in halves:
            client.start(half)
        stopped = lambda: scene.stopped("request_not_finished") + scene.stopped("no_room_for_request")
        scene.wait(lambda: stopped() >= 26, "they are closed, and counted", 14 * STALL_S)
    scene.serves(bystander, "meanwhile")
    scene.stays(watch, BUFFERS_MIB + SLACK_MIB, 26 * 7)
    for client in halves:
        client.close()
    scene.wait(lambda: scene.memory("client_buffers_bytes") == 0, "all of it is given back", 10)
    scene.hold(scene.client().get("half") is None, "nothing was written")


def huge_values(scene: Scene) -> None:
    """The largest value passes, one byte more does not, and what is too large for one reply comes in pages."""
    client, whole = scene.client(), noise(8 * MIB, 8)
    with scene.watch() as watch, scene.reader() as bystander:
        for number in range(6):
            client.hset("album", f"picture{number}", whole)
        scene.hold(client.hget("album", "picture5") == whole, "8 MiB pass in both directions")
        scene.hold(refusal(lambda: client.hgetall("album")).startswith("TOOLARGE"), "48 MiB in one reply are refused")
        scene.hold("HSCAN" in refusal(lambda: client.hvals("album")), "and the refusal names HSCAN")
        pages = dict(client.hscan_iter("album", count=1000))
        scene.hold(sorted(pages) == [f"picture{k}".encode() for k in range(6)], "HSCAN gives all of it")
        scene.hold(all(value == whole for value in pages.values()), "every byte")
        asked = [b"album"] + [b"picture0"] * 1000
        scene.hold(refusal(lambda: client.hmget(*asked)).startswith("TOOLARGE"), "one value a thousand times is 8 GB")
        over = scene.rude()
        over.send(b"*3\r\n$3\r\nSET\r\n$1\r\nv\r\n$8388609\r\n")
        scene.hold(b"invalid bulk length" in over.rest(), "a value of one byte more ends its connection")
        scene.hold(refusal(lambda: client.set(b"k" * 20_000, 1)).startswith("TOOLARGE"), "a key of 20,000 bytes is refused")
    scene.serves(bystander, "meanwhile")
    scene.stays(watch, 2 * (16 + 16) + BUFFERS_MIB + SLACK_MIB, 8_000)
    client.delete("album")


def writes_faster_than_the_disk(scene: Scene) -> None:
    """Five writers with 8 MB each, where 16 MiB may wait for the disk: they wait for room, and nobody is refused."""
    waited = status(scene.near)["pressure"]["writes_waited"]
    words = [b"*3\r\n$3\r\nSET\r\n$6\r\nheavy%d\r\n$8000000\r\n" % k + b"h" * 8_000_000 + b"\r\n" for k in range(10)]
    with scene.reader() as bystander:
        writers = [scene.rude() for _ in range(5)]
        for round_number in range(4):
            for writer in writers:
                writer.start(words[round_number % 10])
            answers = [writer.line() for writer in writers]
            scene.hold(answers == [b"+OK\r\n"] * 5, f"round {round_number + 1}: every write is acknowledged {odd(answers)}")
    pressure = status(scene.near)["pressure"]
    scene.hold(pressure["writes_waited"] > waited, f"{pressure['writes_waited'] - waited} writes waited for the disk")
    scene.hold(pressure["writes_refused"] == 0, "none was refused")
    # How soon is for the disk and the processors to say: both carry 8 MB at a time. But reads are not in that line.
    scene.hold(bystander.failed == "" and bystander.asked > 10, f"{bystander.asked} reads were answered meanwhile")
    for writer in writers:
        writer.close()


def a_slow_peer(scene: Scene) -> None:
    """The link to the other region takes 200 KB/s while 256 MiB are written."""
    scene.wait(lambda: status(scene.near)["digest"] == status(scene.far)["digest"], "both regions are equal before", 60)
    # What rows, their store and the allocator take under such a load is there before anything is measured.
    write_pieces(scene, 96)
    scene.wait(lambda: status(scene.near)["digest"] == status(scene.far)["digest"], "and while the link is fast", 60)
    scene.shape(scene.near, scene.far, 200_000)
    with scene.watch() as watch, scene.reader() as bystander:
        write_pieces(scene, 256)
        queued = scene.memory("links_queued_bytes")
        scene.hold(queued <= 2 * QUEUE_MIB * MIB, f"{queued / MIB:.1f} MiB wait for the links")
    scene.serves(bystander, "meanwhile")
    # Queues of two links, and what QUIC may have under way.
    scene.stays(watch, 2 * QUEUE_MIB + 38 + SLACK_MIB, 256)
    scene.shape(scene.near, scene.far, None)
    scene.wait(lambda: status(scene.near)["digest"] == status(scene.far)["digest"], "the other region gets all of it", 60)


def write_pieces(scene: Scene, mib: int) -> None:
    """So many MiB over the same 64 keys, four at a time."""
    client, piece = scene.client(), noise(256 << 10, 5)
    for number in range(mib):
        batch = client.pipeline(transaction=False)
        for k in range(4):
            batch.set(f"piece{(number * 4 + k) % 64}", number.to_bytes(4, "big") + piece)
        batch.execute()


def a_thousand_who_sit_there(scene: Scene) -> None:
    """A thousand connections that once had something to say, and one too many."""
    pipeline = b"ECHO " + b"e" * 100 + b"\r\n"
    with scene.watch() as watch, scene.bystander() as bystander:
        idle = [scene.rude() for _ in range(1000)]
        for client in idle:
            client.start(pipeline * 300)
        answered = sum(client.take(len(b"$100\r\n\r\n" + b"e" * 100) * 300) for client in idle)
        scene.hold(answered == 1000, f"{answered} of them were answered 300 times")
        time.sleep(1)
        count = status(scene.near)["clients"]
        scene.hold(count >= 1000, f"{count} clients are connected")
        kept = watch.now_bytes / len(idle)
        scene.hold(kept < 96 << 10, f"each keeps {kept / 1024:.1f} KiB while it idles")
        more = [scene.rude() for _ in range(CLIENTS_MAX - count + 1)]
        scene.hold(any(b"max number of clients" in client.rest() for client in reversed(more[-3:])), "one too many is told so")
        scene.hold(status(scene.near)["pressure"]["clients_refused"] > 0, "and counted")
    scene.serves(bystander, "meanwhile")
    for client in idle + more:
        client.close()
    scene.wait(lambda: status(scene.near)["clients"] < 50, "all of them leave", 10)


def what_operators_see(scene: Scene) -> None:
    """INFO, CONFIG and metrics speak of memory."""
    client = scene.client()
    info = client.info("memory")
    scene.hold(info["maxmemory"] == 0 and info["maxmemory_policy"] == "noeviction", "INFO memory says that nothing is evicted")
    scene.hold(info["used_memory_rss"] > MIB and "journal_pending_bytes" in info, "and what is in memory")
    told = client.config_get("max*", "client-*", "timeout")
    scene.hold(told["maxmemory-clients"] == str(BUFFERS_MIB * MIB), "CONFIG GET says what clients may occupy")
    scene.hold(told["client-output-buffer-limit"].startswith("normal 0 "), "and what one may leave unread")
    with urllib.request.urlopen(f"http://127.0.0.1:{scene.near.region.http_port}/metrics", timeout=10) as answer:
        metrics = answer.read().decode()
    for name in ["resident_bytes", "client_buffers_bytes", "link_unread_bytes", "clients_stopped_total", "writes_waited_total"]:
        scene.hold(f"\nlightcone_{name}" in metrics, f"metrics have {name}")
    ended = [node.ended_by_itself() for node in scene.cluster.nodes]
    scene.hold(not any(ended), f"every server lives {ended if any(ended) else ''}")
    panics = [line for node in scene.cluster.nodes for line in node.complaints() if "panicked" in line]
    scene.hold(panics == [], f"nobody panicked {panics[:1]}")


def noise(length: int, seed: int) -> bytes:
    """Bytes that nobody compresses to nothing."""
    return random.Random(seed).randbytes(length)


def refusal(ask: Callable[[], Any]) -> str:
    """What a command was told instead of a reply; empty if it had one."""
    try:
        ask()
    except redis.RedisError as error:
        return str(error)
    return ""


def odd(answers: list[bytes]) -> str:
    return str([answer for answer in answers if answer != b"+OK\r\n"][:2] or "")


STORIES = [
    # First: later ones leave memory behind that a thousand connections would fit into.
    a_thousand_who_sit_there,
    clients_that_never_read,
    half_a_huge_value,
    huge_values,
    writes_faster_than_the_disk,
    a_slow_peer,
    what_operators_see,
]


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # A thousand connections on either side; the servers inherit it.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    shutil.rmtree(options.data, ignore_errors=True)
    options.data.mkdir(parents=True)
    checks = Checks()
    scene = Scene(options.binary, options.data, checks)
    try:
        for story in STORIES if not options.story else [story for story in STORIES if story.__name__ in options.story]:
            print(f"-- {story.__name__.replace('_', ' ')}: {story.__doc__}", flush=True)
            began = time.monotonic()
            story(scene)
            print(f"       {time.monotonic() - began:.1f} s", flush=True)
    except Exception as error:
        traceback.print_exc(limit=-4, chain=False)
        checks.hold(False, f"all stories: broke off with {type(error).__name__}: {error}")
    finally:
        scene.cluster.end()
    print(checks.total())
    return 1 if checks.failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, metavar="FILE", help="the lightcone to run")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="made anew")
    parser.add_argument("--story", action="append", metavar="NAME", help="only this one, and others named so")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
