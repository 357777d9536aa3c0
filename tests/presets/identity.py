"""Servers that are not who they say: one with the number of another, one with the certificate of another region.

The last story: a cluster that lets the first of them in is not worth asking anything else."""

import re
import time
from pathlib import Path

from clients import Doors
from scene import Story
from settling import settled
from spare import Program, spare_ports
from world import Region


class Identity(Story):
    name = "identity"

    def afterwards(self) -> None:
        first, second = self.scene.regions[:2]
        self.wrong_certificate(first, second)
        second.ask("SET", "geode:true", "1")
        self.claimed_twice(second)

    def copied(self, doors: Doors, name: str, certificate_of: Doors) -> tuple[Path, Region]:
        """A folder with the region's configuration, other ports and no data, and a certificate of somebody."""
        home = self.scene.world.data.parent / name
        home.mkdir()
        original, keys = self.scene.world.data / doors.name, self.scene.world.data / certificate_of.name
        text = (original / "node.toml").read_text()
        ports = spare_ports(3)
        for section, port in zip(("resp", "http", "link"), ports, strict=True):
            text = re.sub(rf'(\[{section}\]\nlisten = "127\.0\.0\.1:)\d+', rf"\g<1>{port}", text)
        for file in ("node.pem", "node.key"):
            text = text.replace(f'"{file}"', f'"{keys / file}"')
        text = text.replace('"../', f'"{self.scene.world.data}/')
        # A region that was started while it was cut off has that in its file.
        (home / "node.toml").write_text(text.replace("cut = true", "cut = false"))
        return home, Region(doors.name, ports[0], ports[1])

    def server(self, home: Path) -> Program:
        return Program(home / "log.txt", self.scene.world.lightcone, "server", "--config", str(home / "node.toml"))

    def wrong_certificate(self, first: Doors, second: Doors) -> None:
        home, _ = self.copied(second, "wrong-certificate", certificate_of=first)
        with self.server(home) as server:
            ended = self.scene.wait_for(lambda: server.process.poll() is not None, 10)
        said = server.log.read_text().strip().splitlines()[-1]
        held = ended and server.process.returncode != 0 and "certificate" in said and first.name in said
        self.hold(held, f"a server for {second.name} with the certificate of {first.name} does not start: {said}")

    def claimed_twice(self, doors: Doors) -> None:
        """A second process with the number of a region that runs, without its data."""
        home, region = self.copied(doors, "claimed-twice", certificate_of=doors)
        with self.server(home) as server:
            second = Doors(self.scene.world, region)
            started = server.says("ready", 10)
            accepted, refusals = self.keeps_trying(second) if started else (0, {server.log.read_text()[-300:]})
            said = "; ".join(sorted(refusals))[-300:]
            self.hold(not accepted and refusals, f"a second node {doors.name} took {accepted} writes, and says: {said}")
            outcome = doors.attempt("SET", "geode:true", "2")
            self.hold(outcome.ok, f"the true {doors.name} takes writes meanwhile: {outcome}")
        outcome = doors.attempt("SET", "geode:true", "3")
        self.hold(outcome.ok, f"and afterwards: {outcome}")
        self.hold(*self.scene.same_everywhere("GET", "geode:true", wanted="3"))
        equal, told = settled(self.scene.world.regions, 10)
        self.hold(equal, f"all regions are equal: {told}")

    def keeps_trying(self, second: Doors) -> tuple[int, set[str]]:
        """Writes for a while from the first moment on; how many were accepted, and what it said."""
        accepted, refusals, deadline = 0, set(), time.monotonic() + 4
        with second.client() as client:
            while time.monotonic() < deadline:
                outcome = client.attempt("SET", "geode:usurped", "1")
                accepted += outcome.ok
                if outcome.error:
                    refusals.add(outcome.error)
                time.sleep(0.01)
        return accepted, refusals
