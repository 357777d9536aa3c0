"""How much memory a process has, looked at all the time."""

import threading
from pathlib import Path
from types import TracebackType


class Watch:
    """Notes the most that a process had while the `with` block ran, against what it had before."""

    def __init__(self, pid: int) -> None:
        self.status = Path(f"/proc/{pid}/status")
        self.before = self.most = resident_bytes(self.status)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.look_on)

    @property
    def grown_bytes(self) -> int:
        return self.most - self.before

    @property
    def now_bytes(self) -> int:
        """More than before, at this moment."""
        return resident_bytes(self.status) - self.before

    def look_on(self) -> None:
        while not self.ended.wait(0.02):
            self.most = max(self.most, resident_bytes(self.status))

    def __enter__(self) -> "Watch":
        self.thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.ended.set()
        self.thread.join()


def resident_bytes(status: Path) -> int:
    """Resident memory, as Linux counts it."""
    for line in status.read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{status} says nothing of VmRSS")
