"""One connection to one region on which nothing is ever sent twice, and what became of each command."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection
from redis.retry import Retry


class Fate(Enum):
    """What a client knows about a write."""

    # It was acknowledged: it must be there for ever.
    HELD = "acknowledged"
    # It was refused, or never sent: it must not be there.
    REFUSED = "refused"
    # The connection ended before the answer: wholly there or wholly not.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """A command's fate, with its reply or the words of its error."""

    fate: Fate
    reply: Any

    @property
    def held(self) -> bool:
        return self.fate is Fate.HELD


Words = Sequence[str | int]


class Wire:
    """A connection that is made when it is needed."""

    def __init__(self, port: int) -> None:
        # No library name: a fresh connection begins with the first command.
        self.connection = Connection(
            port=port,
            decode_responses=True,
            socket_connect_timeout=2,
            socket_timeout=SILENCE_S_MAX,
            retry=Retry(NoBackoff(), 0),
            lib_name=None,
            lib_version=None,
        )
        # Answers that did not come although the connection stood.
        self.silences = 0

    def ask(self, *words: str | int) -> Answer:
        return self.ask_all([words])[0]

    def ask_all(self, commands: Sequence[Words]) -> list[Answer]:
        """Sends all at once and takes the answers one by one: those that came before the end are known."""
        if not self.connected():
            return [Answer(Fate.REFUSED, "not connected")] * len(commands)
        answers: list[Answer] = []
        try:
            self.connection.send_packed_command(self.connection.pack_commands(commands))
            for _ in commands:
                answers.append(self.next_answer())
        except (redis.RedisError, OSError) as error:
            self.silences += isinstance(error, redis.TimeoutError)
            self.connection.disconnect()
            answers.extend([Answer(Fate.UNKNOWN, str(error))] * (len(commands) - len(answers)))
        return answers

    def connected(self) -> bool:
        try:
            self.connection.connect()
        except (redis.RedisError, OSError):
            self.connection.disconnect()
            return False
        return True

    def next_answer(self) -> Answer:
        try:
            return Answer(Fate.HELD, self.connection.read_response())
        except redis.ResponseError as error:
            return Answer(fate_of(str(error)), str(error))

    def close(self) -> None:
        self.connection.disconnect()


def fate_of(error: str) -> Fate:
    """By the error's first word: too few regions confirmed it, but it is durable here; or the node was about to stop."""
    return {"NOACK": Fate.HELD, "UNAVAILABLE": Fate.UNKNOWN}.get(error.split(" ", 1)[0], Fate.REFUSED)


# A write waits for its acks for less than this, whatever happens to other regions.
SILENCE_S_MAX = 10
