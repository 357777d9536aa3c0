"""One writer in one region. Nobody else touches its keys, so what each of them must hold is known."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import redis
from cluster import Node

BATCH = 200
SHARED_COUNTERS = 8
# A key that ends this soon is gone by the time regions are compared.
SHORT_MS = (200, 1200)

Change = Callable[[], None]


class Book:
    """What was written, by key. A write that was refused or not answered leaves its key in doubt: then it is only compared
    between regions."""

    def __init__(self, node: Node, seed: int, resets: bool = True, part: str = "") -> None:
        self.node, self.name, self.resets = node, f"{node.name}{part}", resets
        self.choice = random.Random(f"{seed} {self.name}")
        self.texts: dict[str, str] = {}
        self.hashes: dict[str, dict[str, str]] = {}
        self.sets: dict[str, set[str]] = {}
        self.scores: dict[str, dict[str, float]] = {}
        self.counts: dict[str, int] = {}
        # Every key of ours that ever was: what is in none of the above must not be there.
        self.known: set[str] = set()
        self.mortal: set[str] = set()
        self.mortal_until = 0.0
        self.doubtful: set[str] = set()
        # Of the counters that every region increments: our part.
        self.shared: Counter[str] = Counter()
        self.written = 0
        self.refused = 0
        self.last_refusal = ""
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None

    # Writing.

    def write(self, count: int) -> None:
        client = redis.Redis(port=self.node.region.resp_port, decode_responses=True, socket_timeout=30, retry=None)
        for at in range(0, count, BATCH):
            self.batch(client, min(BATCH, count - at))
        client.close()

    def batch(self, client: redis.Redis, count: int) -> None:
        pipe = client.pipeline(transaction=False)
        changes = [self.one(pipe) for _ in range(count)]
        try:
            answers = pipe.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            answers = [error] * count
        for (key, change), answer in zip(changes, answers, strict=True):
            self.known.add(key)
            if isinstance(answer, Exception):
                self.refused += 1
                self.last_refusal = str(answer)
                self.doubtful.add(key)
            else:
                self.written += 1
                change()

    def one(self, pipe: Any) -> tuple[str, Change]:
        sorts = (self.text, self.hash, self.set, self.score, self.count, self.everybodys)
        return self.choice.choices(sorts, (40, 20, 12, 10, 10, 8))[0](pipe)

    def value(self) -> str:
        return f"{self.choice.getrandbits(64):016x}" * self.choice.randrange(2, 50)

    def text(self, pipe: Any) -> tuple[str, Change]:
        key = f"text:{self.name}:{self.choice.randrange(3000)}"
        value, sort = self.value(), self.choice.random()
        if sort < 0.2:
            pipe.delete(key)
            return key, lambda: self.ends(key)
        if sort < 0.26:
            short_ms = self.choice.randrange(*SHORT_MS)
            pipe.set(key, value, px=short_ms)
            return key, lambda: self.ends(key, short_ms)
        pipe.set(key, value, ex=86_400 if sort < 0.3 else None)
        return key, lambda: self.becomes(key, value)

    def becomes(self, key: str, value: str) -> None:
        self.mortal.discard(key)
        self.texts[key] = value

    def ends(self, key: str, in_ms: int = 0) -> None:
        self.texts.pop(key, None)
        if in_ms:
            self.mortal.add(key)
            self.mortal_until = max(self.mortal_until, time.monotonic() + in_ms / 1000 + 0.2)

    def hash(self, pipe: Any) -> tuple[str, Change]:
        key, field = f"hash:{self.name}:{self.choice.randrange(150)}", f"f{self.choice.randrange(60)}"
        value, sort = self.value()[:200], self.choice.random()
        if sort < 0.05:
            pipe.delete(key)
            return key, lambda: self.hashes.pop(key, None)
        if sort < 0.25:
            pipe.hdel(key, field)
            return key, lambda: self.hashes.get(key, {}).pop(field, None)
        pipe.hset(key, field, value)
        return key, lambda: self.hashes.setdefault(key, {}).update({field: value})

    def set(self, pipe: Any) -> tuple[str, Change]:
        key, member = f"set:{self.name}:{self.choice.randrange(60)}", f"member{self.choice.randrange(100)}"
        sort = self.choice.random()
        if sort < 0.05:
            pipe.delete(key)
            return key, lambda: self.sets.pop(key, None)
        if sort < 0.35:
            pipe.srem(key, member)
            return key, lambda: self.sets.get(key, set()).discard(member)
        pipe.sadd(key, member)
        return key, lambda: self.sets.setdefault(key, set()).add(member)

    def score(self, pipe: Any) -> tuple[str, Change]:
        key, member = f"sorted:{self.name}:{self.choice.randrange(40)}", f"member{self.choice.randrange(80)}"
        score, sort = float(self.choice.randrange(1000)), self.choice.random()
        if sort < 0.05:
            pipe.delete(key)
            return key, lambda: self.scores.pop(key, None)
        if sort < 0.3:
            pipe.zrem(key, member)
            return key, lambda: self.scores.get(key, {}).pop(member, None)
        pipe.zadd(key, {member: score})
        return key, lambda: self.scores.setdefault(key, {}).update({member: score})

    def count(self, pipe: Any) -> tuple[str, Change]:
        key, amount = f"count:{self.name}:{self.choice.randrange(60)}", self.choice.randrange(-5, 20)
        if self.resets and self.choice.random() < 0.15:
            pipe.delete(key)
            return key, lambda: self.counts.pop(key, None)
        pipe.incrby(key, amount)
        return key, lambda: self.counts.update({key: self.counts.get(key, 0) + amount})

    def everybodys(self, pipe: Any) -> tuple[str, Change]:
        key, amount = f"shared:{self.choice.randrange(SHARED_COUNTERS)}", self.choice.randrange(10)
        pipe.incrby(key, amount)
        return key, lambda: self.shared.update({key: amount})

    # In the background.

    def go_on(self, each: int = 20, pause_s: float = 0.03) -> None:
        """Writes a little again and again, until `rest`."""
        assert self.thread is None
        self.stopping.clear()

        def run() -> None:
            while not self.stopping.wait(pause_s):
                self.write(each)

        self.thread = threading.Thread(target=run)
        self.thread.start()

    def rest(self) -> None:
        self.stopping.set()
        if self.thread is not None:
            self.thread.join()
            self.thread = None

    # Examining.

    def forgets(self, keys: list[str]) -> None:
        """Somebody else removed these."""
        for key in keys:
            self.texts.pop(key, None)

    def keys(self) -> int:
        return sum(map(len, (self.texts, self.hashes, self.sets, self.scores, self.counts)))

    def wrong(self, node: Node) -> list[str]:
        """Keys that are not what they must be there, each with what was seen."""
        client = redis.Redis(port=node.region.resp_port, decode_responses=True, socket_timeout=30)
        time.sleep(max(0.0, self.mortal_until - time.monotonic()))
        found = []
        for kind, read, model, shape in self.kinds():
            keys = sorted(key for key in self.known - self.doubtful if key.startswith(f"{kind}:"))
            for batch in batches(keys):
                pipe = client.pipeline(transaction=False)
                for key in batch:
                    read(pipe, key)
                for key, there in zip(batch, pipe.execute(), strict=True):
                    if shape(there) != shape(model.get(key)):
                        found.append(f"{key} is {str(there)[:60]} and not {str(model.get(key))[:60]}")
        client.close()
        return found

    def kinds(self) -> Iterator[tuple[str, Callable[[Any, str], Any], dict[str, Any], Callable[[Any], Any]]]:
        """Of each kind how it is read, what was written, and how to compare both; nothing reads as None or as empty."""
        yield "text", lambda pipe, key: pipe.get(key), self.texts, lambda there: there
        yield "hash", lambda pipe, key: pipe.hgetall(key), self.hashes, lambda there: there or {}
        yield "set", lambda pipe, key: pipe.smembers(key), self.sets, lambda there: there or set()
        yield "sorted", lambda pipe, key: pipe.zrange(key, 0, -1, withscores=True), self.scores, lambda there: dict(there or ())
        yield "count", lambda pipe, key: pipe.get(key), self.counts, lambda there: int(there or 0)


def batches(keys: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(keys), 500):
        yield keys[at : at + 500]
