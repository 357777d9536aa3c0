"""Clients that write everything there is, in every region, until they are told to stop."""

import random
import threading

import redis
from cluster import Node


class Writers:
    """One thread for each region."""

    def __init__(self, nodes: list[Node], seed: int) -> None:
        self.stopping, self.counts = threading.Event(), [0] * len(nodes)
        self.threads = [
            threading.Thread(target=self.write, args=(number, node, random.Random(seed * 100 + number)))
            for number, node in enumerate(nodes)
        ]
        for thread in self.threads:
            thread.start()

    def count(self) -> int:
        """Writes that were acknowledged."""
        return sum(self.counts)

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def write(self, number: int, node: Node, choice: random.Random) -> None:
        client = redis.Redis(port=node.region.resp_port, socket_timeout=20)
        while not self.stopping.is_set():
            try:
                one(client, choice)
                self.counts[number] += 1
            except redis.RedisError:
                # Refused or not answered, so nothing is claimed of it.
                self.stopping.wait(0.05)


def one(client: redis.Redis, choice: random.Random) -> None:
    key = choice.randrange(400)
    value = f"{choice.getrandbits(64):x}" * choice.randrange(1, 60)
    match choice.randrange(12):
        case 0 | 1:
            client.set(f"text:{key}", value)
        case 2:
            client.set(f"cart:{key}", value)
        case 3:
            client.incr(f"count:{key % 20}", choice.randrange(5))
        case 4 | 5:
            client.hset(f"hash:{key % 30}", f"field{choice.randrange(200)}", value)
        case 6:
            client.sadd(f"set:{key % 30}", choice.randrange(300))
        case 7:
            client.srem(f"set:{key % 30}", choice.randrange(300))
        case 8:
            client.zadd(f"sorted:{key % 20}", {f"member{choice.randrange(200)}": choice.random()})
        case 9:
            client.delete(f"{choice.choice(['text', 'hash', 'sorted'])}:{key % 30}")
        case 10:
            # Long enough that it does not end by itself while regions are compared.
            client.set(f"mortal:{key}", value, ex=86_400)
        case _:
            client.hdel(f"hash:{key % 30}", f"field{choice.randrange(200)}")
