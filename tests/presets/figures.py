"""Numbers measured by clients, printed as one table and kept as JSON."""

import json
import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One quantity with everything that was measured of it, in ms."""

    what: str
    samples: list[float]
    goal: str

    def percentile(self, percent: float) -> float:
        """The smallest sample that is not below this share of them."""
        ordered = sorted(self.samples)
        return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]

    @property
    def p50(self) -> float:
        return self.percentile(50)

    @property
    def p99(self) -> float:
        return self.percentile(99)


class Figures:
    """All that was measured, in the order it was."""

    def __init__(self) -> None:
        self.all: list[Figure] = []

    def add(self, what: str, samples: list[float], goal: str = "") -> Figure:
        """`goal`: what the number should be, as people read it."""
        figure = Figure(what, samples or [math.nan], goal)
        self.all.append(figure)
        return figure

    def table(self) -> str:
        """Aligned, ms."""
        width = max((len(figure.what) for figure in self.all), default=0)
        lines = [f"{'measured by clients':<{width}}  count   p50 ms   p99 ms   max ms  should be"]
        for one in self.all:
            numbers = f"{len(one.samples):>5} {one.p50:>8.1f} {one.p99:>8.1f} {max(one.samples):>8.1f}"
            lines.append(f"{one.what:<{width}}  {numbers}  {one.goal}".rstrip())
        return "\n".join(lines)

    def write(self, path: Path) -> None:
        """The same as JSON."""
        rows = [
            {
                "what": one.what,
                "count": len(one.samples),
                "p50_ms": round(one.p50, 3),
                "p99_ms": round(one.p99, 3),
                "max_ms": round(max(one.samples), 3),
                "goal": one.goal,
            }
            for one in self.all
        ]
        path.write_text(json.dumps({"figures": rows}, indent=2) + "\n")
