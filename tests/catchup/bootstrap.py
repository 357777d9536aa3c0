"""How fast an empty region gets a million records over a long fat line, and what clients elsewhere notice of it.

Besides: what it costs, and the same bytes as a few large values by the journal, between the same two processes. Both say
something on a machine that has other work, too."""

import os
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
LARGE_BYTES = 1 << 20
LARGE_KEYS = 16
CPUS = sorted(os.sched_getaffinity(0))
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


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
    # Regions have machines of their own; here they take each other's CPU, unless the one that writes has one for itself.
    rounds = {"alone": [], "with_writes": [], "with_writes_apart": []}
    for name, told in rounds.items():
        for _ in range(ROUNDS):
            told.append(once(scene, many, name != "alone", name == "with_writes_apart"))
            print(f"       {name}: {told[-1]}", flush=True)
    figures = {"records": many, "record_bytes": RECORD_BYTES, "line_bytes_per_s": LINE_BYTES_PER_S, "rounds": rounds}
    share = statistics.median(each["share_of_line"] for each in rounds["alone"])
    figures["share_of_line"] = share
    kept, apart = (
        statistics.median(each["writes_kept"] for each in rounds[name]) for name in ("with_writes", "with_writes_apart")
    )
    figures["writes_kept"], figures["writes_kept_apart"] = kept, apart
    for what in ("cpu_s_per_million_source", "cpu_s_per_million_receiver", "times_a_plain_stream"):
        figures[what] = round(statistics.median(each[what] for each in rounds["alone"]), 2)
    # Figures, not claims: they depend on what else this machine does.
    print(f"       {many} records of {RECORD_BYTES} bytes took {share:.0%} of the line (median of {ROUNDS}; 60 % is wanted)")
    print(f"       another region decided {kept:.0%} of its usual writes meanwhile (median of {ROUNDS}; 70 % are wanted),")
    print(f"       and {apart:.0%} where it has CPUs of its own, as on a machine of its own")
    source, receiver = figures["cpu_s_per_million_source"], figures["cpu_s_per_million_receiver"]
    print(f"       a million records cost the source {source} s and the receiver {receiver} s of CPU")
    print(f"       it took {figures['times_a_plain_stream']} times as long as the same bytes as large values by the journal")
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


def once(scene: Scene, many: int, writes: bool, apart: bool) -> dict[str, Any]:
    """From nothing to everything; `apart`: the one that writes and its clients have half of the CPUs for themselves."""
    us, eu, ap = (scene.cluster.named(name) for name in (US, EU, AP))
    shutil.rmtree(ap.data)
    shutil.copytree(scene.home.parent / "template" / ap.name / "data", ap.data)
    pass_for_the_first(ap.data)
    writer = Writer(eu) if writes else None
    if apart and writer:
        keep_to([process_of(eu), writer.process.pid], CPUS[: len(CPUS) // 2])
        keep_to([process_of(us)], CPUS[len(CPUS) // 2 :])
    before = writer.rates(BEFORE_S) if writer else []
    scene.cluster.start(ap, SIZES)
    if apart:
        keep_to([process_of(ap)], CPUS[len(CPUS) // 2 :])
    began, seen, rates, cost = None, [], [], (0.0, 0.0)
    last, decided = time.monotonic(), status(eu)["counters"]["entries_decided"]
    deadline = last + 300
    while time.monotonic() < deadline:
        time.sleep(0.1)
        now, keys = time.monotonic(), keys_of(ap)
        if not keys:
            cost = (cpu_s(us), cpu_s(ap))
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
    cost = (cpu_s(us) - cost[0], cpu_s(ap) - cost[1])
    if writer:
        writer.end()
    keep_to([process_of(us), process_of(eu)], CPUS)
    scene.wait(lambda: status(ap)["digest"] == status(us)["digest"] == status(eu)["digest"], "all regions have the same digest", 120)
    plain = 0.0 if writes else by_journal(scene, us, ap, many * RECORD_BYTES)
    ap.stop()
    per_s = many * RECORD_BYTES / took
    told = {"seconds": round(took, 2), "mb_per_s": round(per_s / 1e6, 1), "share_of_line": round(per_s / LINE_BYTES_PER_S, 3)}
    if not writes:
        each = [round(seconds * 1e6 / many, 2) for seconds in cost]
        told |= {"cpu_s_per_million_source": each[0], "cpu_s_per_million_receiver": each[1]}
        told |= {"plain_stream_seconds": round(plain, 2), "times_a_plain_stream": round(took / plain, 2)}
    if writes:
        usual, meanwhile = statistics.median(before), statistics.median(rates or [0])
        told |= {"writes_before": round(usual), "writes_meanwhile": round(meanwhile), "writes_kept": round(meanwhile / usual, 3)}
    return told


def by_journal(scene: Scene, source: Node, receiver: Node, many_bytes: int) -> float:
    """Seconds for so many bytes as a few large values."""
    to = redis.Redis(port=source.region.resp_port, socket_timeout=60)
    value, many = os.urandom(LARGE_BYTES), many_bytes // LARGE_BYTES
    wanted = int(status(receiver)["counters"]["entries_applied"]) + many
    began = time.monotonic()
    for at in range(0, many, LARGE_KEYS):
        pipe = to.pipeline(transaction=False)
        for number in range(min(many - at, LARGE_KEYS)):
            pipe.set(f"large:{number}", value)
        pipe.execute()
    scene.wait(lambda: int(status(receiver)["counters"]["entries_applied"]) >= wanted, "large values are there", 120, tell=False)
    took = time.monotonic() - began
    to.delete(*[f"large:{number}" for number in range(LARGE_KEYS)])
    scene.wait(lambda: status(receiver)["digest"] == status(source)["digest"], "and gone again", 60, tell=False)
    return took


def process_of(node: Node) -> int:
    assert node.process is not None, "it runs"
    return node.process.pid


def keep_to(processes: list[int], cpus: list[int]) -> None:
    """Lets all threads of some processes run on these CPUs alone."""
    for process in processes:
        for thread in Path(f"/proc/{process}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cpus)


def cpu_s(node: Node) -> float:
    """CPU seconds that a node has used in this life."""
    fields = Path(f"/proc/{process_of(node)}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


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
