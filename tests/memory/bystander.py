"""Somebody who does nothing wrong while others do: how long each of its small commands takes. It is a process of its own, as
threads of one would wait for each other rather than for the server."""

import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from types import TracebackType


class Bystander:
    """Asks until the `with` block ends; what it noticed is known afterwards."""

    def __init__(self, port: int, writes: bool) -> None:
        self.writes = writes
        self.words = [sys.executable, __file__, str(port), "writes" if writes else "reads"]
        self.process: subprocess.Popen[bytes] | None = None
        self.failed, self.asked, self.median_s = "(it has not ended)", 0, float("inf")

    @staticmethod
    def usual(port: int, writes: bool) -> float:
        """The median on a server with nothing else to do."""
        with Bystander(port, writes) as bystander:
            time.sleep(1)
        return bystander.median_s

    def __enter__(self) -> "Bystander":
        self.process = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # It has begun.
        self.process.stdout.readline()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        told, _ = self.process.communicate(timeout=60)
        noticed = json.loads(told or b"{}")
        self.failed = noticed.get("failed", f"(it ended with {self.process.returncode})")
        self.asked = noticed.get("asked", 0)
        self.median_s = noticed.get("median_s") or float("inf")


class Asking:
    """What the process does."""

    def __init__(self, port: int, writes: bool) -> None:
        self.port, self.writes = port, writes
        self.took_s: list[float] = []
        self.ended = threading.Event()

    def ask_until_told(self) -> str:
        """Gives what went wrong; empty: nothing."""
        threading.Thread(target=self.wait_for_the_end, daemon=True).start()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                print("begun", flush=True)
                while not self.ended.is_set():
                    began = time.perf_counter()
                    self.ask(connection)
                    self.took_s.append(time.perf_counter() - began)
                    time.sleep(0.002)
        except OSError as error:
            return f"({type(error).__name__}: {error})"
        return ""

    def wait_for_the_end(self) -> None:
        sys.stdin.read()
        self.ended.set()

    def ask(self, connection: socket.socket) -> None:
        """A write and a read of it, or only a read."""
        sent, wanted, came = b"GET bystander\r\n", b"$8\r\n00000000\r\n", b""
        if self.writes:
            number = b"%08d" % (len(self.took_s) % 10)
            sent, wanted = b"SET bystander " + number + b"\r\n" + sent, b"+OK\r\n" + wanted.replace(b"00000000", number)
        connection.sendall(sent)
        while len(came) < len(wanted):
            piece = connection.recv(4096)
            if not piece:
                raise ConnectionError("the server closed the connection")
            came += piece
        if len(came) != len(wanted) or (self.writes and came != wanted):
            raise ConnectionError(f"it answered {came[:200]!r}")


def main() -> None:
    asking = Asking(int(sys.argv[1]), sys.argv[2] == "writes")
    failed = asking.ask_until_told()
    median = statistics.median(asking.took_s) if asking.took_s else None
    print(json.dumps({"failed": failed, "asked": len(asking.took_s), "median_s": median}))


if __name__ == "__main__":
    main()
