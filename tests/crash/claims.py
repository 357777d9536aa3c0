"""What strings may hold, by all that their only writer was told."""

from dataclasses import dataclass, field
from typing import NamedTuple

from wire import Fate


class Version(NamedTuple):
    """One value that was written under a key: its number there, its length, and when it expires, Unix ms (0: never)."""

    number: int
    length: int
    expires_ms: int = 0

    def text(self, key: str) -> str:
        """The value itself: no two versions of any keys are alike."""
        unit = f"{key}#{self.number};"
        return unit if self.length <= len(unit) else (unit * (self.length // len(unit) + 1))[: self.length]


# Nothing is there.
ABSENT = None


@dataclass
class Claims:
    """The strings of one writer. Keys of other writers are not in it, so no lock is needed."""

    # Touched in this round: what each may hold now. One possibility: it is certain.
    possible: dict[str, set[Version | None]] = field(default_factory=dict)
    # From earlier rounds: what all regions were seen to hold.
    kept: dict[str, Version] = field(default_factory=dict)
    # Touched in this round, and may vanish by itself before the round is examined.
    mortal: set[str] = field(default_factory=set)
    # Written in this round into a table whose OK means that more than half of the regions have it.
    by_majority: set[str] = field(default_factory=set)
    # The last number under each key, whatever became of it.
    numbers: dict[str, int] = field(default_factory=dict)

    def next_version(self, key: str, length: int, expires_ms: int = 0) -> Version:
        self.numbers[key] = self.numbers.get(key, 0) + 1
        return Version(self.numbers[key], length, expires_ms)

    def wrote(self, key: str, version: Version, fate: Fate) -> None:
        """`SET`, with or without an expiry far away."""
        self.becomes(key, version, fate)
        if fate is Fate.HELD:
            self.mortal.discard(key)

    def doomed(self, key: str, fate: Fate) -> None:
        """Something that ends soon was written, or an end was set: by the time the round is examined, nothing is there."""
        self.becomes(key, ABSENT, fate)
        if fate is not Fate.REFUSED:
            self.mortal.add(key)

    def removed(self, key: str, fate: Fate) -> None:
        self.becomes(key, ABSENT, fate)

    def becomes(self, key: str, version: Version | None, fate: Fate) -> None:
        before = self.possible.setdefault(key, {self.kept.get(key, ABSENT)})
        if fate is Fate.HELD:
            self.possible[key] = {version}
        elif fate is Fate.UNKNOWN:
            before.add(version)

    def certain(self) -> list[str]:
        """Keys that surely hold something now, of this round."""
        return [key for key, versions in list(self.possible.items()) if ABSENT not in versions and key not in self.mortal]

    def settle(self, key: str, version: Version | None) -> None:
        """All regions were seen to hold this: from now on it is certain."""
        if version is ABSENT:
            self.kept.pop(key, None)
        else:
            self.kept[key] = version

    def end_round(self) -> None:
        self.possible.clear()
        self.mortal.clear()
        self.by_majority.clear()
