"""What is wrong is refused at once with a reason, and nothing is half done."""

from pathlib import Path
from typing import Any

from clients import Doors
from scene import AT_ONCE_MS, Story, refusal


class BadInput(Story):
    name = "bad input"

    def declare(self) -> None:
        self.scene.declare("narrow", "--placement", "us-east,eu-west")

    def afterwards(self) -> None:
        first, second = self.scene.regions[:2]
        was = self.everything(first)
        for dials, words in TABLES:
            told = first.cli("table", "create", "bad", *dials)
            self.hold(refusal(told, *words), f"{' '.join(dials) or 'no name'}: {told}")
        for change, words in CHANGES:
            told = second.cli("table", "alter", "orders", *change)
            self.hold(refusal(told, *words), f"alter {' '.join(change)}: {told}")
        self.wider(first)
        self.by_file(first)
        self.over_http(first)
        self.per_request(second)
        now = {doors.name: self.everything(doors) for doors in self.scene.regions}
        self.hold(all(told == was for told in now.values()), f"nothing changed: {len(was)} tables in every region as before")

    def everything(self, doors: Doors) -> dict[str, Any]:
        """Every table with its version and dials."""
        tables = doors.http("GET", "/v1/tables").body["tables"]
        return {table["name"]: (table["version"], table["policy"]) for table in tables}

    def wider(self, doors: Doors) -> None:
        """A table that leaves a region out can be given to it, but not with dials that count it before it is there; and
        it is not dropped, which would give it to that region unasked."""
        for words in WIDER:
            told = doors.cli("table", "alter", "narrow", "--placement", words, "--ack", "regions(3)")
            self.hold(refusal(told, "the table has 2", "widen it first", "[eu-west, us-east]"), f"{words}: {told}")
            told = doors.cli("table", "alter", "narrow", "--placement", words, "--dry-run")
            self.hold(told.code == 0 and told.json["arriving"] == ["ap-northeast"], f"{words}, dry run: {told}")
        told = doors.cli("table", "drop", "narrow")
        self.hold(refusal(told, "default", "give it placement=everywhere first"), f"drop narrow: {told}")
        answer = doors.http("PATCH", "/v1/tables/narrow", {"placement": "everywhere", "ack": "regions(3)"})
        self.hold((answer.status, answer.body["code"]) == (422, "refused"), f"PATCH narrow, everywhere: {answer}")

    def by_file(self, doors: Doors) -> None:
        path = Path(self.scene.world.data).parent / "unknown_dial.toml"
        path.write_text('writers = "any"\ncolour = "red"\n')
        told = doors.cli("table", "create", "bad", "--policy", str(path))
        self.hold(refusal(told, "unknown dial", "colour", "writers"), f"a file with a dial of nobody: {told}")
        path.unlink()

    def over_http(self, doors: Doors) -> None:
        for body, status, code in BODIES:
            answer = doors.http("POST", "/v1/tables", body)
            held = (answer.status, answer.body.get("code")) == (status, code) and answer.took_ms < AT_ONCE_MS
            held = held and answer.headers["content-type"] == "application/problem+json"
            self.hold(held, f"POST {body}: {answer}")

    def per_request(self, doors: Doors) -> None:
        """Levels that no request can have."""
        for words in REQUESTS:
            outcome = doors.attempt(*words)
            self.hold(outcome.error and outcome.took_ms < AT_ONCE_MS, f"{' '.join(words)}: {outcome}")


# Dials, and words that the refusal must have.
TABLES: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("--colour", "red"), ("--colour",)),
    (("--merge", "newest"), ("merge", "newest", "lww")),
    (("--preset", "nobodys"), ("nobodys", "full-geode")),
    (("--read", "strong"), ("strong", "writers=any", "nearest")),
    (("--writers", "home"), ("not yet", "nearest", "writers=any")),
    (("--writers", "consensus", "--ack", "local"), ("writers=consensus",)),
    (("--ack", "all", "--ack-timeout-ms", "10"), ("ack_timeout_ms", "nearest")),
    (("--read", "bounded(50ms)"), ("bounded", "nearest")),
    (("--placement", ""), ("names no region",)),
    (("--placement", "us-east,mars"), ("mars", "us-east")),
    (("--placement", "us-east,eu-west", "--read", "quorum(3)"), ("quorum(3)", "has 2", "quorum(2)")),
    (("--placement", "us-east", "--ack", "regions(2)"), ("regions(2)", "has 1", "regions(1)")),
    (("--preset", "partitioned"), ("not yet", "writers=any")),
    (("--read", "quorum(4)"), ("quorum(4)", "has 3", "quorum(3)")),
    (("--read", "quorum(0)"), ("quorum(0)",)),
    (("--ack", "regions(4)"), ("regions(4)", "has 3", "regions(3)")),
    (("--merge", "json(items..sku: max)"), ("items..sku", "character")),
    (("--merge", "json(items: union by)"), ("json",)),
    (("--merge", "json(items: largest)"), ("items", "largest")),
    (("--merge", "json(items: max, items: min)"), ("items", "two rules")),
    (("--merge", "json(items: union by sku"), ("bracket",)),
]

CHANGES: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("--read", "quorum(4)"), ("quorum(4)", "has 3")),
    (("--read", "strong"), ("strong", "nearest")),
    (("--placement", "mars"), ("mars",)),
    (("--merge", "json(: max)"), ("json",)),
    (("--ack", "all", "--expect-version", "77"), ("version 1", "77")),
]

WIDER = ["everywhere", "us-east,eu-west,ap-northeast"]

BODIES: list[tuple[dict[str, Any], int, str]] = [
    ({"name": "bad", "colour": "red"}, 400, "invalid_request"),
    ({"name": "bad", "placement": []}, 422, "refused"),
    ({"name": "bad", "read": "quorum(4)"}, 422, "refused"),
    ({"name": "bad", "placement": ["eu-west"], "ack": "all", "read": "quorum(2)"}, 422, "refused"),
    ({"name": "bad", "writers": "home"}, 501, "not_yet"),
    ({"name": "bad", "merge": "json(items..sku: max)"}, 400, "invalid_request"),
    ({"name": "Bad Name"}, 400, "invalid_request"),
    ({"name": "geode"}, 409, "already_exists"),
]

REQUESTS = [
    ("WITH", "READ", "quorum(4)", "GET", "geode:x"),
    ("WITH", "ACK", "regions(4)", "SET", "geode:x", "1"),
    ("WITH", "READ", "freshest", "GET", "geode:x"),
    ("WITH", "READ", "strong", "GET", "geode:x"),
    ("RESOLVE", "wishes:x", "no-context", "1"),
    ("SET", "wishes:x", "1", "IFDOT", "no-dot"),
]
