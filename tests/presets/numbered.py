"""A writer that counts upwards under one key, readers that look at it all the time, and what their times must show.

All of them run in one process, so their moments are of one clock."""

import bisect
import threading
import time
from dataclasses import dataclass

from clients import Doors, Outcome


class Endless(threading.Thread):
    """Does one thing again and again until it is told to end."""

    def __init__(self, pause_s: float) -> None:
        super().__init__(daemon=True)
        self.pause_s = pause_s
        self.ending = threading.Event()

    def run(self) -> None:
        while not self.ending.is_set():
            self.once()
            self.ending.wait(self.pause_s)

    def once(self) -> None:
        raise NotImplementedError

    def end(self) -> None:
        """Waits for what is under way."""
        self.ending.set()
        self.join(timeout=60)


class Writer(Endless):
    """Writes 1, 2, 3… whether the one before was acknowledged or not."""

    def __init__(self, doors: Doors, key: str, pause_s: float = 0.02) -> None:
        super().__init__(pause_s)
        self.doors, self.key = doors, key
        self.client = doors.client()
        self.last = 0
        # Numbers that were acknowledged, and when; both only grow.
        self.numbers: list[int] = []
        self.moments: list[float] = []
        self.refusals: list[str] = []

    def once(self) -> None:
        self.last += 1
        outcome = self.client.attempt("SET", self.key, self.last)
        if outcome.ok:
            self.numbers.append(self.last)
            self.moments.append(time.monotonic())
        else:
            self.refusals.append(outcome.error)

    def acknowledged_before(self, moment: float) -> int:
        """The highest number that was acknowledged by then; 0: none."""
        count = bisect.bisect_left(self.moments, moment)
        return self.numbers[count - 1] if count else 0


@dataclass(frozen=True)
class Look:
    """One read."""

    began: float
    outcome: Outcome

    @property
    def number(self) -> int:
        return int(self.outcome.reply or 0)


class Reader(Endless):
    """Reads one key, each time as a session of its own: what it saw before must not matter."""

    def __init__(self, doors: Doors, key: str, pause_s: float = 0.02) -> None:
        super().__init__(pause_s)
        self.doors, self.key = doors, key
        self.client = doors.client()
        self.looks: list[Look] = []

    def once(self) -> None:
        self.client.attempt("SESSION", "RESET")
        began = time.monotonic()
        self.looks.append(Look(began, self.client.attempt("GET", self.key)))

    def answered(self) -> list[Look]:
        return [look for look in self.looks if look.outcome.ok]

    def refused(self, code: str) -> list[Look]:
        return [look for look in self.looks if look.outcome.refused_as(code)]

    def too_old(self, writer: Writer, allowed_s: float) -> list[str]:
        """Answers older than allowed: below a number that was acknowledged so long before the read began."""
        wrong = []
        for look in self.answered():
            least = writer.acknowledged_before(look.began - allowed_s)
            if look.number < least:
                wrong.append(f"{self.doors.name} read {look.number}, {least} was acknowledged {allowed_s * 1000:.0f} ms before")
        return wrong

    def goes_back(self) -> list[str]:
        """Answers below an earlier one."""
        numbers = [look.number for look in self.answered()]
        return [f"{self.doors.name} read {b} after {a}" for a, b in zip(numbers, numbers[1:], strict=False) if b < a]
