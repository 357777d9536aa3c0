"""Somebody who does nothing wrong: asks small things one after the other, and notes how long each took."""

import socket
import statistics
import threading
import time
from types import TracebackType


class Bystander:
    """Asks until the `with` block ends."""

    def __init__(self, port: int, writes: bool) -> None:
        self.port, self.writes = port, writes
        self.failed = ""
        self.took_s: list[float] = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.ask_on)

    @staticmethod
    def usual(port: int, writes: bool) -> float:
        """The median on a server with nothing else to do."""
        with Bystander(port, writes) as bystander:
            time.sleep(1)
        return bystander.median_s

    @property
    def asked(self) -> int:
        return len(self.took_s)

    @property
    def median_s(self) -> float:
        return statistics.median(self.took_s) if self.took_s else float("inf")

    def ask_on(self) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while not self.ended.is_set():
                    began = time.perf_counter()
                    self.ask(connection)
                    self.took_s.append(time.perf_counter() - began)
                    time.sleep(0.002)
        except OSError as error:
            self.failed = f"({type(error).__name__}: {error})"

    def ask(self, connection: socket.socket) -> None:
        """A write and a read of it, or only a read."""
        sent, wanted, came = b"GET bystander\r\n", b"$8\r\n00000000\r\n", b""
        if self.writes:
            number = b"%08d" % (self.asked % 10)
            sent, wanted = b"SET bystander " + number + b"\r\n" + sent, b"+OK\r\n" + wanted.replace(b"00000000", number)
        connection.sendall(sent)
        while len(came) < len(wanted):
            piece = connection.recv(4096)
            if not piece:
                raise ConnectionError("the server closed the connection")
            came += piece
        if len(came) != len(wanted) or (self.writes and came != wanted):
            raise ConnectionError(f"it answered {came[:200]!r}")

    def __enter__(self) -> "Bystander":
        self.thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.ended.set()
        self.thread.join()
