"""How fast an empty region gets a million records over a long fat line, and what clients elsewhere notice of it."""

import random
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import redis
from cluster import Node, Sizes, pass_for_the_first
from regions import Scene, status

US, EU, AP = "us-east", "eu-west", "ap-northeast"
SIZES = Sizes(dirty_mib=256, segment_mib=64, cache_mib=512)
# A key of 15 and a value of 145 bytes.
RECORD_BYTES = 160
LINE_BYTES_PER_S = 125_000_000
ONE_WAY_MS = 40
ROUNDS = 3
BEFORE_S = 5


def bootstrap(run: Any) -> None:
    """An empty region gets a million records over 1 Gbit/s and 80 ms round trip, without and with clients writing elsewhere."""
    scene = run.scene("bootstrap")
    us, eu, ap = (scene.cluster.named(name) for name in (US, EU, AP))
    lines(scene)
    for node in (us, eu):
        scene.tune(node, 4 << 30)
        scene.cluster.start(node, SIZES)
    for node in (us, eu):
        scene.ready(node)
    many = run.options.records
    fill(us, many)
    scene.wait(lambda: status(eu)["digest"] == status(us)["digest"], "both others have all records", 300, tell=False)
    rounds = {"alone": [], "with_writes": []}
    for name, told in rounds.items():
        for _ in range(ROUNDS):
            told.append(once(scene, many, name == "with_writes"))
            print(f"       {name}: {told[-1]}", flush=True)
    figures = {"records": many, "record_bytes": RECORD_BYTES, "line_bytes_per_s": LINE_BYTES_PER_S, "rounds": rounds}
    share = statistics.median(each["share_of_line"] for each in rounds["alone"])
    figures["share_of_line"] = share
    kept = statistics.median(each["writes_kept"] for each in rounds["with_writes"])
    figures["writes_kept"] = kept
    # Figures, not claims: they depend on what else this machine does.
    print(f"       {many} records of {RECORD_BYTES} bytes took {share:.0%} of the line (median of {ROUNDS}; 60 % is wanted)")
    print(f"       another region decided {kept:.0%} of its usual writes meanwhile (median of {ROUNDS}; 70 % are wanted)")
    scene.nobody_complains("bootstrap")
    run.figures["bootstrap"] = figures
    scene.end()


def lines(scene: Scene) -> None:
    """Everybody as far from everybody; the one with the records is a little nearer to the one without."""
    for one in scene.nodes:
        for other in scene.nodes:
            if one is not other:
                far = ONE_WAY_MS + (5 if {one.name, other.name} == {EU, AP} else 0)
                line = {"one_way_ms": far, "jitter_ms": 0.0, "bandwidth_bytes_per_s": LINE_BYTES_PER_S}
                scene.links.change(one, other, **line)


def once(scene: Scene, many: int, writes: bool) -> dict[str, Any]:
    """From nothing to everything."""
    us, eu, ap = (scene.cluster.named(name) for name in (US, EU, AP))
    shutil.rmtree(ap.data)
    shutil.copytree(scene.home.parent / "template" / ap.name / "data", ap.data)
    pass_for_the_first(ap.data)
    writer = Writer(eu) if writes else None
    before = writer.rates(BEFORE_S) if writer else []
    scene.cluster.start(ap, SIZES)
    began, seen, rates = None, [], []
    last, decided = time.monotonic(), status(eu)["counters"]["entries_decided"]
    deadline = last + 300
    while time.monotonic() < deadline:
        time.sleep(0.1)
        now, keys = time.monotonic(), keys_of(ap)
        if began is None and keys:
            began = now - 0.1
        seen.append((now, keys))
        if writes and began and now - last >= 0.5:
            more = status(eu)["counters"]["entries_decided"]
            rates.append((more - decided) / (now - last))
            last, decided = now, more
        elif not began:
            last, decided = now, status(eu)["counters"]["entries_decided"]
        if keys >= many:
            break
    took = seen[-1][0] - began
    if writer:
        writer.end()
    scene.wait(lambda: status(ap)["digest"] == status(us)["digest"] == status(eu)["digest"], "all regions have the same digest", 120)
    ap.stop()
    per_s = many * RECORD_BYTES / took
    told = {"seconds": round(took, 2), "mb_per_s": round(per_s / 1e6, 1), "share_of_line": round(per_s / LINE_BYTES_PER_S, 3)}
    if writes:
        usual, meanwhile = statistics.median(before), statistics.median(rates or [0])
        told |= {"writes_before": round(usual), "writes_meanwhile": round(meanwhile), "writes_kept": round(meanwhile / usual, 3)}
    return told


def keys_of(node: Node) -> int:
    try:
        return int(status(node)["keys"])
    except OSError:
        return 0


class Writer:
    """A few clients in a process of their own, each waiting for its answer."""

    def __init__(self, node: Node) -> None:
        self.node = node
        command = [sys.executable, str(Path(__file__).with_name("busy.py")), str(node.region.resp_port)]
        self.process = subprocess.Popen(command)
        time.sleep(1)

    def rates(self, seconds: int) -> list[float]:
        """Writes per second that the node decided, second by second."""
        found, last, decided = [], time.monotonic(), self.decided()
        for _ in range(2 * seconds):
            time.sleep(0.5)
            now, more = time.monotonic(), self.decided()
            found.append((more - decided) / (now - last))
            last, decided = now, more
        return found

    def decided(self) -> int:
        return int(status(self.node)["counters"]["entries_decided"])

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def fill(node: Node, many: int) -> None:
    to, choice = redis.Redis(port=node.region.resp_port, socket_timeout=60), random.Random(1)
    for at in range(0, many, 5000):
        pipe = to.pipeline(transaction=False)
        for number in range(at, min(many, at + 5000)):
            # Nothing that could be compressed on the way.
            pipe.set(f"record:{number:08}", choice.randbytes(145))
        pipe.execute()
