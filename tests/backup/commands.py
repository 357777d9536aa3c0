"""The program under test, as an operator runs it."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cluster import spare_ports
from spare import Program


class Lightcone:
    """Runs `lightcone ...`."""

    def __init__(self, binary: str) -> None:
        self.binary = binary

    def text(self, *words: str) -> tuple[int, str, str]:
        done = subprocess.run([self.binary, *words], capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout, done.stderr

    def json(self, *words: str) -> tuple[int, Any, str]:
        words = words if "--json" in words else (*words, "--json")
        code, out, error = self.text(*words)
        return code, json.loads(out) if code == 0 else None, error

    def killed_after(self, seconds: float, *words: str) -> None:
        """SIGKILL for the process that we start here."""
        process = subprocess.Popen([self.binary, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        process.kill()
        process.wait()

    def world(self, home: Path, regions: list[str]) -> None:
        """Certificates and configurations of a cluster of these regions, made by a dev world that ends at once."""
        ports = spare_ports(7)
        bases = ["--control-port", str(ports[0]), "--resp-base", str(ports[1]), "--http-base", str(ports[4])]
        command = [self.binary, "dev", "--data", str(home), *bases, "--regions", ",".join(regions), "--rtt-scale", "0.1"]
        with Program(home.with_suffix(".log"), *command) as dev:
            if not dev.says("ready", 60):
                raise RuntimeError(f"the world does not start: {home.with_suffix('.log').read_text()}")

    def session_holds(self, http_port: int) -> bool:
        """Whether a node takes the token of a session that it gave out itself: the token names every replica that wrote."""
        url = f"http://127.0.0.1:{http_port}"
        with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/sessions", method="POST"), timeout=10) as answer:
            token = json.load(answer)["session"]
        request = urllib.request.Request(f"{url}/v1/tables/default/records/none", headers={"Lightcone-Session": token})
        try:
            with urllib.request.urlopen(request, timeout=10):
                return True
        except urllib.error.HTTPError as error:
            return json.load(error)["code"] == "no_such_record"
