"""One byte of a record's value rots in the store of one region, under a checksum that is right: nobody knows it but the sum of all
records. It is noticed, told, narrowed down to the record, and mended by a command."""

import re
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import redis
from regions import Scene, status, url

ROOT = Path(__file__).parents[2]
US, EU, AP = "us-east", "eu-west", "ap-northeast"


def rotten(run: Any) -> None:
    """A byte rots in one of three regions; it is noticed, found and mended while everybody writes."""
    scene: Scene = run.scene("rotten")
    looks_often(scene)
    scene.begin()
    us, eu, ap = (scene.cluster.named(name) for name in (US, EU, AP))
    books = [scene.book(node) for node in scene.nodes]
    for number in range(50):
        client(us).set(f"note:{number}", f"as-it-was-written-{number}-end")
    for book in books:
        book.write(2500)
    scene.ends_equal("before")
    eu.stop()
    rot(eu, "as-it-was-written-17-end")
    scene.start(eu)
    wrong = client(eu).get("note:17")
    scene.hold(wrong == "as-it-was-written-17-en`", f"{EU} shows what rotted: {wrong}")
    began = time.monotonic()

    def found() -> bool:
        told = [[each["found"] for each in status(node)["diverged"]] for node in (us, eu, ap)]
        return [len(each) for each in told] == [1, 2, 1] and all(found for each in told for found in each)

    scene.wait(found, f"all three know that {EU} differs, and by what", 40)
    told = {node.name: status(node) for node in (us, eu, ap)}
    each = [region["found"] for node in told.values() for region in node["diverged"]]
    right = all((it["records"], it["rows"], it["examples"]) == (1, 1, ["note:17"]) for it in each)
    scene.hold(right, f"each found one record, note:17, {time.monotonic() - began:.1f} s after the start {'' if right else each}")
    scene.hold("not what was written" in told[EU]["trouble"], f"{EU} says that its disk is wrong: {told[EU]['trouble'][:60]}...")
    scene.hold(EU in told[US]["trouble"] and "note:17" in told[US]["trouble"], f"{US} says: {told[US]['trouble'][:100]}...")
    # The log is written a moment after it is known, and once only however long one looks.
    time.sleep(1)
    logged = [line for line in us.complaints() if "note:17" in line]
    scene.hold(len(logged) == 1, f"{US} logged it once {logged if len(logged) != 1 else ''}")
    metrics = scrape(eu)
    scene.hold(metrics["lightcone_diverged_regions"] == 2 and metrics["lightcone_recounts_differed_total"] == 1, "metrics say so")
    page = command(scene, 0, "status", "--at", url(us))
    scene.hold("DIFFERS" in page and "note:17" in page and "lightcone repair --from" in page, "so does `lightcone status`")
    refusals(scene, eu)
    for book in books:
        book.go_on()
    said = command(scene, 0, "repair", "--at", url(eu), "--from", AP)
    scene.hold(said.startswith(f"repaired from {AP}") and "1 record in default" in said, f"while all write: {said.strip()}")
    scene.ends_equal("mended", quietly=False)
    scene.hold(client(eu).get("note:17") == "as-it-was-written-17-end", "the record is what was written")

    def quiet() -> bool:
        return all(not status(node)["diverged"] and not status(node)["trouble"] for node in scene.nodes)

    scene.wait(quiet, "no region says any more that something differs", 20)
    scene.hold(command(scene, 0, "repair", "--at", url(us)).strip().endswith("nothing differed; 0 B came"), "another repair finds nothing")
    run.figures["rotten"] = {"repair": status(eu)["repair"]}
    scene.end()


def looks_often(scene: Scene) -> None:
    """All rows are looked at in the first second of a life, not within minutes."""
    for node in scene.nodes:
        usual = node.settings

        def settings(sizes: Any, peers: Any, alone: bool, usual: Any = usual) -> dict[str, Any]:
            told = usual(sizes, peers, alone)
            told["storage"] |= {"recount_rows_per_second": 50_000}
            return told

        node.settings = settings


def rot(node: Any, text: str) -> None:
    words = ["cargo", "run", "--quiet", "--package", "lc-store", "--example", "rot_row", "--", str(node.data / "records"), text]
    subprocess.run(words, cwd=ROOT, check=True, timeout=600)


def refusals(scene: Scene, eu: Any) -> None:
    """What cannot be done is said, and changes nothing."""
    for region, part in (("atlantis", "no region 'atlantis'"), (EU, "own region")):
        said = command(scene, 1, "repair", "--at", url(eu), "--from", region)
        scene.hold(part in said, f"--from {region}: {said.splitlines()[0]}")
    ap = scene.cluster.named(AP)
    scene.links.cut(eu, ap)
    scene.wait(lambda: not all(peer["up"] for peer in status(eu)["peers"]), f"{EU} has lost {AP}", 30, tell=False)
    said = command(scene, 1, "repair", "--at", url(eu), "--from", AP)
    scene.hold(f"{AP} cannot be reached now" in said, f"--from {AP}, which is cut off: {said.splitlines()[0]}")
    scene.links.cut(eu, ap, cut=False)
    scene.wait(lambda: all(peer["up"] for peer in status(eu)["peers"]), f"{EU} has {AP} again", 30, tell=False)


def command(scene: Scene, code: int, *words: str) -> str:
    ended, out, error = scene.lightcone.text(*words)
    said = str(out if ended == 0 else error)
    scene.hold(ended == code, f"`lightcone {words[0]}` ends with {ended} {said if ended != code else ''}")
    return said


def scrape(node: Any) -> dict[str, float]:
    with urllib.request.urlopen(f"{url(node)}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {name: float(value) for name, value in re.findall(r"^(\w+)(?:\{[^}]*\})? (\S+)$", text, re.MULTILINE)}


def client(node: Any) -> redis.Redis:
    return redis.Redis(port=node.region.resp_port, decode_responses=True, socket_timeout=60, retry=None)
