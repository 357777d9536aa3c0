"""One region's writer, a process of its own. Each batch is one MULTI/EXEC that also adds the batch's number to a set.

Adding to a counter twice is wrong, and so is not adding at all. When the connection breaks, nobody knows whether the
batch was done; the set does. So after a break the writer asks before it repeats."""

import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from world import Region
from writes import Command


@dataclass
class Progress:
    """What a writer has done so far; the director reads it while the writer runs."""

    batches: Synchronized
    breaks: Synchronized
    found_done: Synchronized
    repeated: Synchronized

    @staticmethod
    def nothing() -> "Progress":
        return Progress(*(multiprocessing.Value("q", 0) for _ in range(4)))


@dataclass
class Pace:
    """How fast writers go: spread over some seconds (0: as fast as they are answered), and hardly ahead of the
    busiest one, so that the year passes at about the same speed in every region."""

    seconds: float
    busiest: Progress
    busiest_total: int

    def await_turn(self, start: float, part: float) -> None:
        """Returns when a writer may go on that has done this part of its batches."""
        time.sleep(max(0.0, start + self.seconds * part - time.monotonic()))
        # Not for long: when the busiest region is dead, the others go on without it, slowly.
        gives_up = time.monotonic() + STEP_PATIENCE_S
        while part > self.busiest.batches.value / self.busiest_total + AHEAD_MAX and time.monotonic() < gives_up:
            time.sleep(0.01)


def marks_key(region: str) -> str:
    """The set that remembers which batches of a region were done."""
    return f"batches:{region}"


def connect(region: Region) -> redis.Redis:
    """A client that never repeats a command by itself."""
    return redis.Redis(
        port=region.resp_port, decode_responses=True, socket_timeout=30, retry=Retry(NoBackoff(), 0), retry_on_error=[]
    )


def write_all(region: Region, batches: list[list[Command]], pace: Pace, progress: Progress) -> None:
    """Writes all batches in order."""
    client = connect(region)
    start = time.monotonic()
    for number, commands in enumerate(batches):
        pace.await_turn(start, number / len(batches))
        write_once(client, region, number, commands, progress)
        progress.batches.value += 1


def write_once(client: redis.Redis, region: Region, number: int, commands: list[Command], progress: Progress) -> None:
    """Returns when the batch is known to be done, once."""
    in_doubt = False
    gives_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            if in_doubt and client.sismember(marks_key(region.name), str(number)):
                progress.found_done.value += 1
                return
            if in_doubt:
                progress.repeated.value += 1
            pipeline = client.pipeline(transaction=True)
            pipeline.sadd(marks_key(region.name), number)
            for command in commands:
                pipeline.execute_command(*command)
            pipeline.execute()
            return
        except (redis.ConnectionError, redis.TimeoutError):
            if not in_doubt:
                progress.breaks.value += 1
            in_doubt = True
            if time.monotonic() > gives_up:
                raise
            time.sleep(0.05)


PATIENCE_S = 120
AHEAD_MAX = 0.01
STEP_PATIENCE_S = 0.25
