"""Programs of our own beside the world under test: spare ports, servers that end with us, a second world."""

import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from clients import Client, Doors
from world import Region, World


def spare_ports(count: int) -> list[int]:
    """Ports that nobody has at this moment, for TCP and UDP."""
    found: list[int] = []
    for port in range(FIRST_PORT, FIRST_PORT + 2600):
        if is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError("no spare ports")


def is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as held:
            if kind == socket.SOCK_STREAM:
                # As servers do: connections of a program that has ended hold nobody up.
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                held.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


class Program:
    """A process with its output in a file; it ends with the `with` block."""

    def __init__(self, log: Path, *command: str) -> None:
        self.log, self.command = log, command

    def __enter__(self) -> "Program":
        with self.log.open("w") as output:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def says(self, word: str, patience_s: float) -> bool:
        """Waits until its output has this word; false if it ends or patience does."""
        deadline = time.monotonic() + patience_s
        while word not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                return word in self.log.read_text()
            time.sleep(0.01)
        return True


class OtherWorld:
    """A cluster of one region, with its own authority and keys."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __enter__(self) -> Doors:
        self.directory = tempfile.TemporaryDirectory(prefix="lightcone-other-")
        control, resp, http = spare_ports(3)
        ports = ["--control-port", str(control), "--resp-base", str(resp), "--http-base", str(http)]
        home = Path(self.directory.name)
        data = ["--data", str(home / "data")]
        self.program = Program(home / "log.txt", self.world.lightcone, "dev", "--regions", "us-east", *ports, *data)
        self.program.__enter__()
        if not self.program.says("ready", 30):
            raise RuntimeError(f"another world does not start: {(home / 'log.txt').read_text()}")
        doors = Doors(self.world, Region("us-east", resp, http))
        self.wait_for_sessions(doors.client())
        return doors

    def wait_for_sessions(self, client: Client) -> None:
        """A cluster that has just begun has no key to sign with."""
        deadline = time.monotonic() + 10
        while not client.attempt("SESSION", "TOKEN").ok and time.monotonic() < deadline:
            time.sleep(0.02)
        client.close()

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.program.__exit__(kind, error, trace)
        self.directory.cleanup()


# Below the range from which Linux takes ports for outgoing connections, above what `cargo xtask` takes for worlds.
FIRST_PORT = 30_100
