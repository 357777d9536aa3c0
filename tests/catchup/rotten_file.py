"""Files of one region's record store rot while it is stopped, so that the engine cannot open them: the end of a table, and then the list of all
tables. It starts by itself both times. The first time it has everything; the second time it refuses what it does not know, which is all, until that came from another region."""

import time
from pathlib import Path
from typing import Any

import redis
from regions import Scene, status
from rotten import client, scrape
from rotten_block import EU, NUMBERS, examined, filled, is_refused


def rotten_file(run: Any) -> None:
    """The end of a table, and the list of tables, rot in one of three regions that is stopped."""
    scene, books, (us, eu, ap) = filled(run.scene("rotten-file"), 3000)
    eu.stop()
    cut_off_end(eu)
    begin_alone(scene, eu, us, ap)
    counted(scene, eu, {"right": len(NUMBERS), "refused": 0, "wrong": 0}, "has all of it, and nobody to ask")
    disk = status(eu)["disk"]
    scene.hold(disk["files_put_aside"] == 1 and disk["bytes_put_aside"] > 100_000, f"status tells of the file that was put aside: {disk['bytes_put_aside']} bytes")
    scene.hold(any("was put aside" in line for line in eu.complaints()), "the log has told of it")
    scene.wait(lambda: not aside(eu).exists() and status(eu)["disk"]["put_aside"] == [], "it is removed, as nothing is missing", 20)
    meet(scene, eu, us, ap)
    scene.ends_equal("after the table's end", quietly=False)
    eu.stop()
    rot_list(eu)
    begin_alone(scene, eu, us, ap)
    counted(scene, eu, {"right": 0, "refused": len(NUMBERS), "wrong": 0}, "knows that it has nothing any more, and shows nothing as absent")
    scene.hold(is_refused(lambda: client(eu).set("fixed:0", "x")), "writes are refused too")
    scene.hold([file["name"] for file in status(eu)["disk"]["put_aside"]] == ["store"], "the whole store was put aside")
    metrics = scrape(eu)
    scene.hold(metrics["lightcone_disk_aside_bytes"] > 100_000 and metrics["lightcone_disk_files_put_aside_total"] == 1, "metrics say so")
    for book in books:
        if book.node is not eu:
            book.go_on()
    began = time.monotonic()
    meet(scene, eu, us, ap)
    scene.wait(lambda: status(eu)["disk"]["mending"] is None, f"{EU} has everything again", 60)
    took = time.monotonic() - began
    scene.ends_equal("after the list of tables", quietly=False)
    counted(scene, eu, {"right": len(NUMBERS), "refused": 0, "wrong": 0}, "has all of it again")
    scene.wait(lambda: not aside(eu).exists(), "what was put aside is removed", 20)
    told = status(eu)
    scene.hold(told["trouble"] == "" and told["takes_writes"], f"nothing troubles {EU} {told['trouble']}")
    run.figures["rotten_file"] = {"seconds": round(took, 1), "bytes": told["disk"]["mended_bytes"]}
    scene.end()


def begin_alone(scene: Scene, node: Any, *others: Any) -> None:
    for other in others:
        scene.links.cut(node, other)
    scene.start(node)


def meet(scene: Scene, node: Any, *others: Any) -> None:
    for other in others:
        scene.links.cut(node, other, cut=False)


def counted(scene: Scene, node: Any, right: dict[str, int], what: str) -> None:
    there: redis.Redis = client(node)
    found = examined(there)
    scene.hold(found == right, f"{node.name} {what}: {found}")


def aside(node: Any) -> Path:
    return Path(node.data) / "records-aside"


def largest_table(node: Any) -> Path:
    tables = [path for path in (Path(node.data) / "records").glob("keyspaces/*/tables/*") if path.is_file()]
    return max(tables, key=lambda path: path.stat().st_size)


def cut_off_end(node: Any) -> None:
    """The last sector, which says where everything else is."""
    table = largest_table(node)
    content = bytearray(table.read_bytes())
    content[-512:] = b"\xee" * 512
    table.write_bytes(bytes(content))


def rot_list(node: Any) -> None:
    """What names the tables, and their order."""
    current = largest_table(node).parents[1] / "current"
    content = bytearray(current.read_bytes())
    content[12] ^= 0x20
    current.write_bytes(bytes(content))
