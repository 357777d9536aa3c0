"""Blocks of one region's record store rot, so that checksums fail. It serves everything else, refuses what it does not know, rebuilds its
store from what can be read, and gets the rest from another region; nobody has to do anything."""

import time
from pathlib import Path
from typing import Any

import redis
from regions import Scene, status
from rotten import client, scrape

US, EU, AP = "us-east", "eu-west", "ap-northeast"
# Of the largest table, whose end holds the index and what else is not records.
PARTS = (0.2, 0.45, 0.7)
NUMBERS = range(3000)


def filled(scene: Scene, written: int) -> tuple[Scene, list[Any], list[Any]]:
    """Three equal regions, with so much of each region's writer and the same fixed keys in all of them."""
    scene.begin()
    nodes = [scene.cluster.named(name) for name in (US, EU, AP)]
    books = [scene.book(node) for node in scene.nodes]
    for book in books:
        book.write(written)
    pipe = client(nodes[0]).pipeline(transaction=False)
    for number in NUMBERS:
        pipe.set(f"fixed:{number}", text(number))
    pipe.execute()
    scene.ends_equal("before")
    return scene, books, nodes


def rotten_block(run: Any) -> None:
    """Blocks of the record store rot in one of three regions."""
    scene, books, (us, eu, ap) = filled(run.scene("rotten-block"), 5000)
    eu.stop()
    flip(eu)
    for other in (us, ap):
        scene.links.cut(eu, other)
    scene.start(eu)
    alone(scene, eu)
    for book in books:
        book.go_on()
    for other in (us, ap):
        scene.links.cut(eu, other, cut=False)
    began = time.monotonic()
    scene.wait(lambda: status(eu)["disk"]["mending"] is None, f"{EU} has everything again", 60)
    took = time.monotonic() - began
    scene.ends_equal("mended", quietly=False)
    told = status(eu)
    disk = told["disk"]
    scene.hold(disk["mended_keys"] > 0, f"{disk['mended_keys']} keys came, {disk['mended_bytes']} bytes, {took:.1f} s after the links came back")
    scene.hold(told["trouble"] == "" and told["takes_writes"], f"nothing troubles {EU} {told['trouble']}")
    metrics = scrape(eu)
    counted = (metrics["lightcone_disk_mended_keys_total"], metrics["lightcone_disk_keys_lost"])
    scene.hold(counted == (disk["mended_keys"], 0), f"metrics say so: {counted}")
    scene.hold(any("cannot be read" in line for line in eu.complaints()), "the log has told of it")
    values = client(eu).mget([f"fixed:{number}" for number in NUMBERS])
    scene.hold(values == [text(number) for number in NUMBERS], "every key is what was written")
    eu.stop()
    scene.start(eu)
    scene.ends_equal("after another start", quietly=False)
    disk = status(eu)["disk"]
    scene.hold((disk["corrupt_reads"], disk["rebuilds"], disk["mending"]) == (0, 0, None), f"another start finds nothing {disk}")
    run.figures["rotten_block"] = {"mended_keys": counted[0], "seconds": round(took, 1)}
    scene.end()


def alone(scene: Scene, eu: Any) -> None:
    """What it does while nobody can help."""
    there = client(eu)
    scene.wait(lambda: examined(there)["refused"] > 0, f"{EU} refuses some keys", 10)
    scene.wait(lambda: status(eu)["disk"]["rebuilds"] == 1, f"{EU} has rebuilt its store", 30)
    found = examined(there)
    scene.hold(found["wrong"] == 0, f"of {sum(found.values())} keys {found['right']} are right, {found['refused']} are refused with CORRUPT, none is wrong")
    mending = status(eu)["disk"]["mending"]
    scene.hold(bool(mending) and mending["keys"] > 0 and bool(mending["trouble"]), f"status tells what is lost, and what is missing: {mending}")
    scene.hold("cannot be read" in status(eu)["trouble"], f"{EU} says: {status(eu)['trouble']}")
    refused = next(key for key in NUMBERS if is_refused(lambda key=key: there.get(f"fixed:{key}")))
    scene.hold(is_refused(lambda: there.incr(f"fixed:{refused}")), "a write over what is not known is refused")
    scene.hold(is_refused(lambda: there.flushall()), "so is FLUSHALL")
    scene.hold(there.set("written:meanwhile", "it") is True, "other writes are taken")


def examined(there: redis.Redis) -> dict[str, int]:
    found = {"right": 0, "refused": 0, "wrong": 0}
    for number in NUMBERS:
        try:
            found["right" if there.get(f"fixed:{number}") == text(number) else "wrong"] += 1
        except redis.ResponseError as error:
            found["refused" if str(error).startswith("CORRUPT") else "wrong"] += 1
    return found


def is_refused(does: Any) -> bool:
    try:
        does()
    except redis.ResponseError as error:
        return str(error).startswith("CORRUPT")
    return False


def text(number: int) -> str:
    return f"{number * 2654435761 % (1 << 64):016x}" * 20


def flip(node: Any) -> None:
    """A bit in some places of the largest table of a stopped node."""
    tables = [path for path in (Path(node.data) / "records").glob("keyspaces/*/tables/*") if path.is_file()]
    table = max(tables, key=lambda path: path.stat().st_size)
    content = bytearray(table.read_bytes())
    for part in PARTS:
        content[int(len(content) * part)] ^= 0x40
    table.write_bytes(bytes(content))
