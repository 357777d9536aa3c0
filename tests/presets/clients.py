"""Clients of one region: Redis clients that never repeat a command by themselves, plain HTTP, and the command line."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from world import Region, World


@dataclass(frozen=True)
class Outcome:
    """What one command came to: a reply, or an error with its words."""

    reply: Any
    error: str
    took_ms: float

    @property
    def ok(self) -> bool:
        return not self.error

    def refused_as(self, code: str) -> bool:
        """Whether it is an error that begins with this word."""
        return self.error.split(" ", 1)[0] == code

    def __str__(self) -> str:
        told = f"'{shortened(self.error)}'" if self.error else repr(self.reply)
        return f"{told} after {self.took_ms:.0f} ms"


class Client:
    """One Redis connection, so one session."""

    def __init__(self, region: Region) -> None:
        self.redis = redis.Redis(
            port=region.resp_port,
            decode_responses=True,
            socket_timeout=30,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            single_connection_client=True,
        )

    def attempt(self, *words: str | int) -> Outcome:
        """Sends a command; errors of the node and of the connection are outcomes."""
        start = time.monotonic()
        try:
            reply, error = self.redis.execute_command(*words), ""
        except redis.RedisError as caught:
            reply, error = None, str(caught) or type(caught).__name__
        return Outcome(reply, error, (time.monotonic() - start) * 1000)

    def ask(self, *words: str | int) -> Any:
        """Sends a command that must succeed."""
        return self.redis.execute_command(*words)

    def token(self) -> str:
        """What this session has written and seen."""
        return self.ask("SESSION", "TOKEN")

    def receipt(self) -> dict[str, Any]:
        """How the command before was delivered."""
        told = self.ask("RECEIPT", "LAST")
        return dict(zip(told[::2], told[1::2], strict=True))

    def close(self) -> None:
        self.redis.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Answer:
    """What HTTP answered."""

    status: int
    headers: dict[str, str]
    body: Any
    took_ms: float

    @property
    def session(self) -> str:
        return self.headers.get("lightcone-session", "")

    def __str__(self) -> str:
        return f"{self.status} {shortened(json.dumps(self.body))}"


@dataclass(frozen=True)
class Told:
    """What the command line said."""

    code: int
    out: str
    error: str
    took_ms: float

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """One JSON value on each line."""
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]

    def __str__(self) -> str:
        words = self.error or self.out
        return f"'{shortened(' '.join(words.split()))}' ({self.code}) after {self.took_ms:.0f} ms"


@dataclass(frozen=True)
class Doors:
    """A region and every way in."""

    world: World
    region: Region

    @property
    def name(self) -> str:
        return self.region.name

    def client(self) -> Client:
        """A connection and session of its own."""
        return Client(self.region)

    def attempt(self, *words: str | int) -> Outcome:
        """Over a connection of its own: nothing seen before matters, and nothing that broke."""
        with self.client() as client:
            return client.attempt(*words)

    def ask(self, *words: str | int) -> Any:
        with self.client() as client:
            return client.ask(*words)

    def http(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """`headers`: names with _ for -."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent["content-type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.region.http_port}{path}"
        request = urllib.request.Request(url, data=data, headers=sent, method=method)
        start = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, told, content = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as caught:
            status, told, content = caught.code, caught.headers, caught.read()
        took_ms = (time.monotonic() - start) * 1000
        return Answer(status, {k.lower(): v for k, v in told.items()}, json.loads(content or b"null"), took_ms)

    def record(self, method: str, table: str, key: str, body: Any = None, **headers: str) -> Answer:
        """A record over HTTP; `key` without the table's name."""
        return self.http(method, f"/v1/tables/{table}/records/{quote(key, safe='')}", body, **headers)

    def cli(self, *words: str) -> Told:
        """Runs `lightcone WORDS… --json` against this region."""
        return self.run(*words, "--at", f"http://127.0.0.1:{self.region.http_port}")

    def run(self, *words: str) -> Told:
        """Runs `lightcone WORDS… --json`."""
        command = [self.world.lightcone, *words, "--json"]
        start = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return Told(done.returncode, done.stdout, done.stderr, (time.monotonic() - start) * 1000)

    def table(self, name: str) -> dict[str, Any]:
        """`lightcone table show NAME --json`."""
        told = self.cli("table", "show", name)
        if told.code != 0:
            raise RuntimeError(f"table show {name} in {self.name}: {told}")
        return told.json


def shortened(text: str) -> str:
    return text if len(text) < 180 else f"{text[:180]}… ({len(text)} letters)"
