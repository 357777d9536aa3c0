"""The list of redis-py's tests that do not pass, with reasons: `[resp2 |resp3 ]TEST  # REASON`, one per line.

Its first line says how long it may be. That number is only ever lowered."""

import re
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("redis_py_skipped.txt")


@dataclass(frozen=True)
class Listed:
    """A test that does not pass under one protocol or both (`None`), and why. One that is never run would harm the run."""

    test: str
    protocol: int | None
    reason: str
    never_run: bool

    def concerns(self, protocol: int) -> bool:
        return self.protocol in (None, protocol)

    def line(self) -> str:
        before = (f"resp{self.protocol} " if self.protocol else "") + ("never-run " if self.never_run else "")
        return f"{before}{self.test}  # {self.reason}"


def read() -> tuple[int, list[Listed]]:
    """How long the list may be, and the list."""
    first, *lines = PATH.read_text().splitlines()
    allowed = re.fullmatch(r"# at most (\d+) tests", first)
    if not allowed:
        raise ValueError(f"{PATH}: the first line must be `# at most N tests`")
    return int(allowed[1]), [parsed(line) for line in lines if line and not line.startswith("#")]


def parsed(line: str) -> Listed:
    found = re.fullmatch(r"(?:resp(?P<protocol>[23]) )?(?P<never>never-run )?(?P<test>\S.*?)  # (?P<reason>\S.*)", line)
    if not found:
        raise ValueError(f"{PATH}: a test needs a reason: `TEST  # REASON`, not `{line}`")
    protocol = int(found["protocol"]) if found["protocol"] else None
    return Listed(found["test"], protocol, found["reason"], bool(found["never"]))


def write(listed: list[Listed], allowed: int) -> None:
    """Sorted by reason, so that what one feature would bring is seen at a glance."""
    lines = [f"# at most {allowed} tests", "# made by `cargo xtask clients redis-py -- --propose`; see tests/README.md"]
    reason = None
    for each in sorted(listed, key=lambda each: (each.reason, each.test, each.protocol or 0)):
        if each.reason != reason:
            lines.append("")
            reason = each.reason
        lines.append(each.line())
    PATH.write_text("\n".join(lines) + "\n")


def asks_a_fixed_port(why: str) -> bool:
    """Whatever happens to listen there on this machine would decide how the test ends, so it is never run."""
    return re.search(r"(localhost|'127\.0\.0\.1'.?|127\.0\.0\.1):? ?(6379|6380|6479)\b", why) is not None


def reason_for(why: str) -> str:
    """A first guess from the error; a person improves it."""
    if asks_a_fixed_port(why):
        return "asks a fixed port of this machine"
    offered = re.search(r"command '([^']+)' is not offered: ([^;\n]+)", why)
    if offered:
        return f"{offered[2].strip()} ({offered[1].upper()})"
    unknown = re.search(r"unknown command '?`?([A-Za-z. |]+)", why)
    if unknown:
        return f"unknown command {unknown[1].upper().strip()}"
    return "to look at: " + " ".join(why.split())[:140].replace("  #", " #")
