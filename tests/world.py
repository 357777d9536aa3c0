"""The world under test, as `cargo xtask` describes it."""

import json
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Region:
    """One region, as its clients see it."""

    name: str
    resp_port: int
    http_port: int

    def status(self) -> dict[str, Any]:
        """What the node says about itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/status", timeout=10) as answer:
            return json.load(answer)


@dataclass(frozen=True)
class World:
    """Regions on this machine, and how to break them."""

    lightcone: str
    data: Path
    control_port: int
    regions: list[Region]

    @staticmethod
    def described_in(path: Path) -> "World":
        """Reads the file that `cargo xtask` wrote."""
        told = json.loads(path.read_text())
        regions = [Region(**region) for region in told["regions"]]
        return World(told["lightcone"], Path(told["data"]), told["control_port"], regions)

    def fault(self, *words: str) -> str:
        """Runs `lightcone fault …`; anything but success is an error with what it said."""
        command = [self.lightcone, "fault", *words, "--control-port", str(self.control_port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def places(self) -> dict[str, str]:
        """For each region the name of the real place that it stands for."""
        view = json.loads(self.fault("list", "--json"))
        return {region["region"]: region["place"] for region in view["regions"]}
