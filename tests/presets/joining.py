"""A fourth region joins with a one-time token, takes part in everything, and is taken out again."""

import shutil
from pathlib import Path

from clients import Doors, Told
from scene import Story
from settling import settled
from spare import Program, spare_ports
from world import Region


class Joining(Story):
    name = "join"

    def afterwards(self) -> None:
        first = self.scene.regions[0]
        self.home = self.scene.world.data.parent / "joined"
        link, self.resp, self.http = spare_ports(3)
        invited = first.cli("region", "invite", NAME)
        self.hold(invited.code == 0, f"region invite {NAME}: {invited if invited.code else 'a token'}")
        token = invited.json["token"]
        joined = self.join(token, self.home, link)
        self.hold(joined.code == 0, f"join: {joined if joined.code else 'its configuration, certificate and key are there'}")
        self.used_token_is_refused(token, link)
        command = [self.scene.world.lightcone, "server", "--config", str(self.home / "node.toml")]
        with Program(self.home / "log.txt", *command) as server:
            if not server.says("ready", 20):
                self.hold(False, f"the fourth region starts: {server.log.read_text()[-500:]}")
                return
            fourth = Doors(self.scene.world, Region(NAME, self.resp, self.http))
            self.takes_part(fourth)
            self.is_removed(fourth)

    def join(self, token: str, home: Path, link: int) -> Told:
        ports = ["--link-address", f"127.0.0.1:{link}", "--resp", f"127.0.0.1:{self.resp}", "--http", f"127.0.0.1:{self.http}"]
        words = ["--to", f"http://127.0.0.1:{self.scene.regions[0].region.http_port}", "--token", token, "--data", str(home)]
        return self.scene.regions[0].run("join", *words, *ports)

    def used_token_is_refused(self, token: str, link: int) -> None:
        home = self.home.with_name("joined-again")
        told = self.join(token, home, link)
        self.hold(told.code != 0 and "used" in told.error and not home.exists(), f"the same token again: {told}")
        wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
        told = self.join(wrong, home, link)
        self.hold(told.code != 0 and not home.exists(), f"a forged token: {told}")
        shutil.rmtree(home, ignore_errors=True)

    def takes_part(self, fourth: Doors) -> None:
        everyone = [*self.scene.regions, fourth]
        listed = self.scene.wait_for(lambda: all(NAME in self.listed(doors) for doors in everyone), 10)
        self.hold(listed, f"region list in every region: {self.listed(everyone[0])}")
        votes = self.scene.wait_for(lambda: all(NAME in self.voters(doors) for doors in everyone), 15)
        self.hold(votes, f"it votes on the catalogue: {self.voters(fourth)}")
        equal, told = settled([doors.region for doors in everyone], 20)
        self.hold(equal, f"it has all data: {told}")
        tables = [{t["name"]: t["version"] for t in doors.http("GET", "/v1/tables").body["tables"]} for doors in everyone]
        self.hold(all(each == tables[0] for each in tables), f"it has all {len(tables[0])} tables")
        refused = fourth.attempt("GET", "narrow:x")
        self.hold(refused.refused_as("ELSEWHERE"), f"it is on no table's list of regions: {refused}")
        fourth.ask("SET", "geode:from-the-fourth", "1")
        self.hold(*self.scene.same_everywhere("GET", "geode:from-the-fourth", wanted="1"))
        self.all_hold(4)
        told = self.scene.regions[0].table("orders")["explanation"]
        n, w, r = told["regions"], told["write_acks"], told["read_answers"]
        held = n == 4 and told["overlap"] == (w + r > n) and (told["overlap"] or told["warnings"])
        self.hold(held, f"orders is told anew: N={n} W={w} R={r}, W + R > N: {told['overlap']}; {told['warnings']}")

    def all_hold(self, count: int) -> None:
        with self.scene.regions[0].client() as client:
            outcome, receipt = client.attempt("SET", "sure:joined", "1"), client.receipt()
        self.hold(outcome.ok and receipt["held-by"] == count, f"ack=all: {receipt['held-by']} regions hold a write, {outcome}")

    def listed(self, doors: Doors) -> list[str]:
        told = doors.cli("region", "list")
        return [region["name"] for region in told.json["regions"]] if told.code == 0 else [str(told)]

    def voters(self, doors: Doors) -> list[str]:
        return doors.region.status()["control_plane"]["voters"]

    def is_removed(self, fourth: Doors) -> None:
        told = self.scene.regions[1].cli("region", "remove", NAME)
        everyone = self.scene.regions
        gone = self.scene.wait_for(
            lambda: all(len(self.listed(doors)) == 3 and len(self.voters(doors)) == 3 for doors in everyone), 15
        )
        self.hold(told.code == 0 and gone, f"region remove {NAME}: {told if told.code else self.listed(everyone[0])}")
        refused = self.scene.wait_for(lambda: fourth.attempt("SET", "geode:removed", "1").refused_as("UNAVAILABLE"), 10)
        self.hold(refused, f"the region that was removed takes no writes: {fourth.attempt('SET', 'geode:removed', '1')}")
        self.all_hold(3)
        for doors in everyone:
            outcome = doors.attempt("SET", f"orders:{doors.name}", "after")
            self.hold(outcome.ok, f"{doors.name} goes on without it: {outcome}")


NAME = "sa-east"
