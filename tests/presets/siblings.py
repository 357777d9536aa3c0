"""Preset siblings: the application sees concurrent values, with a context to replace exactly what it saw."""

from clients import Doors
from scene import Story


class Siblings(Story):
    name = "siblings"

    def declare(self) -> None:
        self.scene.declare("wishes", "--preset", self.name)

    def before(self) -> None:
        self.conditions_over_resp(self.scene.regions[0])
        self.conditions_over_http(self.scene.regions[1])

    def conditions_over_resp(self, doors: Doors) -> None:
        """SET IFDOT writes only over exactly what was read."""
        with doors.client() as client:
            client.ask("SET", "wishes:resp", "first")
            old = client.ask("CONTEXT", "wishes:resp")
            second = client.attempt("SET", "wishes:resp", "second", "IFDOT", old)
            late = client.attempt("SET", "wishes:resp", "late", "IFDOT", old)
            stands = client.ask("GET", "wishes:resp")
        held = second.ok and bool(second.reply) and late.ok and late.reply is None and stands == "second"
        self.hold(held, f"SET IFDOT {old}: first {second}, then with the same dot {late}; {stands} stands")

    def conditions_over_http(self, doors: Doors) -> None:
        """The same as If-Match."""
        doors.record("PUT", "wishes", "http", {"value": "first"})
        tag = doors.record("GET", "wishes", "http").headers.get("etag", "")
        second = doors.record("PUT", "wishes", "http", {"value": "second"}, If_Match=tag)
        late = doors.record("PUT", "wishes", "http", {"value": "late"}, If_Match=tag)
        stands = doors.record("GET", "wishes", "http")
        told = late.body.get("context") == stands.headers.get("etag", "").strip('"') and late.body["code"] == "changed"
        held = tag and second.status == 200 and late.status == 412 and told and stands.body["value"] == "second"
        self.hold(held, f"If-Match {tag}: first {second.status}, then {late}")

    def during_cut(self, alone: Doors, others: list[Doors]) -> None:
        for key in KEYS:
            alone.ask("SET", key, "here")
            others[0].ask("SET", key, "there")
        for doors, value in ((alone, "here"), (others[0], "there")):
            context, values = doors.ask("SIBLINGS", KEYS[0])
            self.hold([shown[0] for shown in values] == [value], f"SIBLINGS in {doors.name}: {values}, context {context}")

    def after_heal(self, alone: Doors, others: list[Doors]) -> None:
        for doors in self.scene.regions:
            self.shows_both(doors)
        self.resolved(KEYS[0], others[1])
        self.resolved_late(KEYS[1], alone, others[0])
        self.resolved_over_http(KEYS[2], others[0])

    def shows_both(self, doors: Doors) -> None:
        """In both doors, with the same context."""
        context, values = doors.ask("SIBLINGS", KEYS[0])
        answer = doors.record("GET", "wishes", KEYS[0].split(":")[1])
        over_http = [shown["value"] for shown in answer.body.get("siblings", [])]
        both = sorted(shown[0] for shown in values) == ["here", "there"] == sorted(over_http)
        same = answer.body.get("context") == context and len(context.split(",")) == 2
        self.hold(both and same, f"{doors.name} shows {values}, context {context}, over HTTP {over_http}")

    def resolved(self, key: str, at: Doors) -> None:
        context, _ = at.ask("SIBLINGS", key)
        left = at.ask("RESOLVE", key, context, "both")
        held, told = self.scene.same_everywhere("GET", key, wanted="both")
        one = self.scene.wait_for(lambda: all(len(doors.ask("SIBLINGS", key)[1]) == 1 for doors in self.scene.regions), 10)
        self.hold(held and one and left == 1, f"RESOLVE {context} in {at.name} leaves {left}; {told}, nothing beside it")

    def resolved_late(self, key: str, at: Doors, late: Doors) -> None:
        """Who resolves with an old context keeps what that does not name."""
        with at.client() as client:
            old, _ = client.ask("SIBLINGS", key)
            client.ask("RESOLVE", key, "-", "news")
            token = client.token()
        with late.client() as client:
            client.ask("SESSION", "RESUME", token)
            left = client.ask("RESOLVE", key, old, "late")
            values = sorted(shown[0] for shown in client.ask("SIBLINGS", key)[1])
        self.hold(left == 2 and values == ["late", "news"], f"RESOLVE with the old context {old} leaves {left}: {values}")

    def resolved_over_http(self, key: str, at: Doors) -> None:
        name = key.split(":")[1]
        context = at.record("GET", "wishes", name).body["context"]
        answer = at.http("POST", f"/v1/tables/wishes/records/{name}/resolve", {"context": context, "value": "both"})
        shown = at.record("GET", "wishes", name).body
        held = answer.status == 200 and shown["value"] == "both" and len(shown.get("siblings", [0])) == 1
        self.hold(held, f"HTTP resolve {context}: {answer}, then {shown}")

    def during_kill(self, dead: Doors, others: list[Doors]) -> None:
        for doors, value in zip(others, ("one", "other"), strict=True):
            doors.ask("SET", f"wishes:killed-{value}", value)

    def after_start(self, dead: Doors, others: list[Doors]) -> None:
        for value in ("one", "other"):
            self.hold(*self.scene.same_everywhere("GET", f"wishes:killed-{value}", wanted=value))


KEYS = ("wishes:resolved", "wishes:late", "wishes:over-http")
